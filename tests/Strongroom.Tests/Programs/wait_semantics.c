// wait() knows the program's own children and no others: it counts them all, then says that there is none.
// run: cflags=-pthread
#include "common.h"
#include <dirent.h>
#include <sys/resource.h>

static volatile sig_atomic_t notices;

static void on_child(int signal)
{
    (void)signal;
    notices = notices + 1;
}

static void no_child(const char *when)
{
    int status;
    CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD, "waitpid(-1) %s", when);
    siginfo_t information = { 0 };
    CHECK(waitid(P_ALL, 0, &information, WEXITED | WNOHANG) == -1 && errno == ECHILD, "waitid %s", when);
    CHECK(waitpid(0, &status, WNOHANG) == -1 && errno == ECHILD, "waitpid(0) %s", when);
}

int main(void)
{
    begin();
    SYS(sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child, .sa_flags = SA_RESTART }, NULL));
    settle();
    no_child("at the start, with sealed memory");
    CHECK(notices == 0, "a SIGCHLD came from nowhere");
    for (int round = 0; round < 5; round++) {
        enum { Children = 7 };
        pid_t started[Children];
        notices = 0;
        for (int i = 0; i < Children; i++) {
            started[i] = SYS(fork());
            if (started[i] == 0) {
                no_child("in a child");
                _exit(i);
            }
        }
        for (int n = 0; n < Children; n++) {
            int status;
            pid_t got;
            while ((got = wait(&status)) < 0 && errno == EINTR)
                ;
            int which = -1;
            for (int i = 0; i < Children; i++)
                if (started[i] == got)
                    which = i;
            CHECK(which >= 0, "wait returned %d, which this program never started", got);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == which, "child %d has status %x", which, status);
            started[which] = 0;
        }
        no_child("after the last child");
        CHECK(notices >= 1 && notices <= Children, "%d SIGCHLD for %d children", (int)notices, Children);
        if (round % 2 == 0)
            settle();
        no_child("after a while");
    }
    // Children that are nobody's concern, because SIGCHLD is ignored.
    signal(SIGCHLD, SIG_IGN);
    if (SYS(fork()) == 0)
        _exit(1);
    no_child("with SIGCHLD ignored");
    return finish("children were counted");
}
