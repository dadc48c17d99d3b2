// A program makes a namespace of processes, whose numbers start at 1, with its own root directory, and works there.
// run: root
#include "common.h"
#include <sys/mount.h>

int main(void)
{
    begin();
    unsigned char *area = map(2 * MiB);
    fill(area, 2 * MiB, 1);
    settle();
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET) < 0)
        return finish("namespaces hold memory");
    for (int round = 0; round < 2; round++) {
        pid_t child = SYS(fork());
        if (child > 0) {
            reap_good(child, "the first process of a namespace");
            break;
        }
        CHECK(getpid() == 1, "the first process has number %d", getpid());
        SYS(chroot("/proc/self/fdinfo"));       // Next to nothing is in there.
        verify(area, 2 * MiB, 1, "memory of the first process");
        fill(area, 2 * MiB, 2);
        settle();
        for (int i = 2; i < 6; i++) {
            child = SYS(fork());
            if (child == 0) {
                CHECK(getpid() > 1 && getpid() < 1000 && getppid() == 1, "process %d has numbers %d and %d", i, getpid(), getppid());
                verify(area, 2 * MiB, 2, "memory of a later process");
                fill(area, 2 * MiB, 3);
                settle();
                verify(area, 2 * MiB, 3, "memory written by a later process");
                _exit(0);
            }
            reap_good(child, "a later process");
        }
        verify(area, 2 * MiB, 2, "memory of the first process at the end");
        _exit(0);
    }
    verify(area, 2 * MiB, 1, "memory outside");
    return finish("namespaces hold memory");
}
