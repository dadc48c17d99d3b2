// A wait with __WALL or __WCLONE sees no children but the program's own: those of which a signal tells and those of which none does, before
// and after another program was executed.
#include "common.h"
#include <linux/wait.h>

#ifndef P_ALL
enum { P_ALL = 0, P_PID = 1, P_PGID = 2 };
#endif

static long wait_id(int type, int id, int options)
{
    siginfo_t information = { 0 };
    long result = syscall(SYS_waitid, type, id, &information, options, NULL);
    return result < 0 ? result : information.si_pid;
}

// None of these may wait for ever, either.
static void expect_none(const char *when)
{
    int status;
    CHECK(waitpid(-1, &status, WNOHANG | __WALL) == -1 && errno == ECHILD, "waitpid(-1, __WALL | WNOHANG) %s", when);
    CHECK(waitpid(-1, &status, __WALL) == -1 && errno == ECHILD, "waitpid(-1, __WALL) %s", when);
    CHECK(waitpid(-1, &status, __WALL | __WNOTHREAD) == -1 && errno == ECHILD, "waitpid(-1, __WALL | __WNOTHREAD) %s", when);
    CHECK(waitpid(-1, &status, __WCLONE) == -1 && errno == ECHILD, "waitpid(-1, __WCLONE) %s", when);
    CHECK(waitpid(0, &status, __WALL) == -1 && errno == ECHILD, "waitpid(0, __WALL) %s", when);
    CHECK(waitpid(-getpgrp(), &status, __WALL) == -1 && errno == ECHILD, "waitpid(-group, __WALL) %s", when);
    CHECK(wait_id(P_ALL, 0, WEXITED | __WALL) == -1 && errno == ECHILD, "waitid(P_ALL, __WALL) %s", when);
    CHECK(wait_id(P_PGID, getpgrp(), WEXITED | __WALL) == -1 && errno == ECHILD, "waitid(P_PGID, __WALL) %s", when);
    CHECK(waitpid(getpid(), &status, __WALL) == -1 && errno == ECHILD, "waitpid(self, __WALL) %s", when);
    CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "waitpid(-1) %s", when);
}

// What fork(2) does, but that the given signal tells of the end.
static pid_t start(int signal, int code)
{
    pid_t child = SYS(syscall(SYS_clone, signal, 0, 0, 0, 0));
    if (child == 0) {
        sleep_milliseconds(20);
        _exit(code);
    }
    return child;
}

static void expect_ends(const char *when)
{
    int status;
    pid_t child = start(0, 7);
    CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD, "a plain wait saw a child without a signal %s", when);
    CHECK(waitpid(-1, &status, __WALL) == child && WEXITSTATUS(status) == 7, "a child without a signal was not waited for %s", when);
    child = start(SIGCHLD, 8);
    CHECK(waitpid(-1, &status, __WCLONE) == -1 && errno == ECHILD, "__WCLONE saw a child with SIGCHLD %s", when);
    CHECK(waitpid(-1, &status, WNOHANG | __WALL) == 0, "a child that lives was not seen %s", when);
    CHECK(waitpid(-1, &status, __WALL) == child && WEXITSTATUS(status) == 8, "a child with SIGCHLD was not waited for %s", when);
    child = start(0, 9);
    CHECK(waitpid(-1, &status, __WCLONE) == child && WEXITSTATUS(status) == 9, "__WCLONE did not see a child without a signal %s", when);
    child = start(0, 10);
    CHECK(wait_id(P_PID, child, WEXITED | __WALL) == child, "waitid(P_PID) did not see a child %s", when);
    child = start(SIGUSR1, 11);
    CHECK(waitpid(child, &status, __WALL) == child && WEXITSTATUS(status) == 11, "a child with SIGUSR1 was not waited for %s", when);
    expect_none(when);
}

// Every child of this process, zombies too, that is called like an agent: at most the one that works for it.
static int agents(void)
{
    char path[64], name[32];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *children = fopen(path, "r");
    int pid, count = 0;
    while (children && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "r");
        if (comm && fscanf(comm, "%31s", name) == 1 && strcmp(name, "strongroom-agt") == 0)
            count++;
        if (comm)
            fclose(comm);
    }
    if (children)
        fclose(children);
    return count;
}

int main(int argc, char **argv)
{
    int round = argc > 1 ? atoi(argv[1]) : 0;
    begin();
    signal(SIGUSR1, SIG_IGN);
    expect_none(round == 0 ? "at the start" : "after exec");
    settle();
    expect_none("after a while");
    expect_ends("after a while");
    CHECK(agents() <= 1, "agents of programs executed before are still there: %d", agents());
    if (round < 2) {
        char next[16];
        snprintf(next, sizeof next, "%d", round + 1);
        SYS(execl("/proc/self/exe", argv[0], next, NULL));
    }
    return finish("no child but its own");
}
