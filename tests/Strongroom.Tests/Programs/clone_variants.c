// Processes made by bare clone: sharing memory but not threads, with other flags, in new namespaces.
// run: cflags=-pthread
#include "common.h"

enum { Pages = 256 };
static unsigned char *area;

static int shares_memory(void *argument)
{
    verify(area, Pages * PAGE, 1, "memory shared with a clone");
    fill(area, Pages * PAGE, (uintptr_t)argument);
    settle();
    verify(area, Pages * PAGE, (uintptr_t)argument, "memory that a clone wrote");
    return 3;
}

static int copies_memory(void *argument)
{
    settle();
    verify(area, Pages * PAGE, (uintptr_t)argument, "memory copied for a clone");
    fill(area, Pages * PAGE, 77);
    settle();
    verify(area, Pages * PAGE, 77, "a clone's own memory");
    return 3;
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    unsigned char *stack = map(64 * PAGE);
    static const int flags[] = { CLONE_VM | SIGCHLD, CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
        CLONE_VM | CLONE_VFORK | SIGCHLD, CLONE_VM | CLONE_SIGHAND | SIGCHLD, SIGCHLD, CLONE_FILES | SIGCHLD,
        CLONE_NEWPID | SIGCHLD, CLONE_NEWUSER | SIGCHLD, CLONE_NEWNS | CLONE_NEWIPC | SIGCHLD, CLONE_VM };
    for (size_t i = 0; i < COUNT(flags); i++) {
        bool shared = flags[i] & CLONE_VM;
        fill(area, Pages * PAGE, 1);
        settle();
        pid_t child = clone(shared ? shares_memory : copies_memory, stack + 64 * PAGE, flags[i],
            (void *)(shared ? 50 + i : 1));
        if (child < 0 && (errno == EPERM || errno == EINVAL))
            continue;   // Namespaces may be forbidden here.
        CHECK(child > 0, "clone with %x: %s", flags[i], strerror(errno));
        int status;
        CHECK(SYS(waitpid(child, &status, __WALL)) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3,
            "clone with %x ended with %x", flags[i], status);
        verify(area, Pages * PAGE, shared ? 50 + i : 1, "the parent's memory");
    }
    return finish("clones of every kind");
}
