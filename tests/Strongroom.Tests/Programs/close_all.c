// A program that closes every descriptor there is, as daemons do, goes on undisturbed.
#include "common.h"
#include <sys/resource.h>

int main(void)
{
    begin();
    unsigned char *area = map(MiB);
    fill(area, MiB, 3);
    int out = SYS(fcntl(1, F_DUPFD, 100));
    SYS(dup2(out, 3));
    SYS(syscall(SYS_close_range, 4, ~0u, 0));
    settle();
    verify(area, MiB, 3, "memory after close_range");
    fill(area, MiB, 4);
    for (int fd = 4; fd < 2000; fd++)
        CHECK(close(fd) == -1 && errno == EBADF, "descriptor %d was open", fd);
    settle();
    verify(area, MiB, 4, "memory after closing everything");
    SYS(syscall(SYS_close_range, 0, 2, 0));
    pid_t child = SYS(fork());
    if (child == 0) {
        SYS(syscall(SYS_close_range, 0, ~0u, 0));
        settle();
        verify(area, MiB, 4, "memory in a child without descriptors");
        _exit(0);
    }
    reap_good(child, "a child");
    fill(area, MiB, 5);
    settle();
    verify(area, MiB, 5, "memory of a program without standard streams");
    SYS(dup2(3, 1));
    return finish("descriptors are the program's own");
}
