// SIGSTOP, SIGTSTP and SIGCONT: a parent sees its child stop and continue, with memory idle in the meantime.
#include "common.h"

int main(void)
{
    begin();
    unsigned char *area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    volatile atomic_ulong *counter = (void *)area;
    pid_t child = SYS(fork());
    if (child == 0) {
        SYS(setpgid(0, 0));     // A group that is not orphaned: in one that is, SIGTSTP stops nobody (setpgid(2)).
        unsigned char *own = map(2 * MiB);
        fill(own, 2 * MiB, 2);
        for (;;) {
            verify(own, 2 * MiB, 2, "a stopped child's memory");
            ++*counter;
            sleep_milliseconds(1);
        }
    }
    while (*counter == 0)
        sleep_milliseconds(1);
    static const int stops[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGSTOP };
    for (size_t i = 0; i < COUNT(stops); i++) {
        int status;
        SYS(kill(child, stops[i]));
        CHECK(SYS(waitpid(child, &status, WUNTRACED)) == child && WIFSTOPPED(status), "status %x is not a stop", status);
        CHECK(WSTOPSIG(status) == stops[i], "stopped by %d", WSTOPSIG(status));
        unsigned long before = *counter;
        settle();
        CHECK(*counter == before, "a stopped child ran");
        CHECK(waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0, "status %x out of nothing", status);
        SYS(kill(child, SIGCONT));
        CHECK(SYS(waitpid(child, &status, WCONTINUED)) == child && WIFCONTINUED(status), "status %x", status);
        for (double until = seconds() + 10; *counter == before; sleep_milliseconds(1))
            CHECK(seconds() < until, "the child did not continue");
    }
    SYS(kill(child, SIGSTOP));
    int status;
    SYS(waitpid(child, &status, WUNTRACED));
    SYS(kill(child, SIGKILL));
    SYS(waitpid(child, &status, 0));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x", status);
    return finish("stops and starts were seen");
}
