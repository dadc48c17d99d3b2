// A daemon forks twice, leaves its session and works on after its parents are gone; it answers through a pipe.
#include "common.h"
#include <sys/prctl.h>
#include <sys/stat.h>

int main(void)
{
    begin();
    unsigned char *area = map(4 * MiB);
    fill(area, 4 * MiB, 17);
    settle();
    int answer[2];
    SYS(pipe(answer));
    pid_t first = SYS(fork());
    if (first == 0) {
        SYS(setsid());
        pid_t middle = getpid();
        if (SYS(fork()) > 0)
            _exit(0);
        SYS(chdir("/"));
        (void)umask(0);
        SYS(dup2(answer[1], 3));
        SYS(syscall(SYS_close_range, 4, ~0u, 0));
        SYS(syscall(SYS_close_range, 0, 2, 0));
        while (getppid() == middle)
            sched_yield();
        settle();
        verify(area, 4 * MiB, 17, "a daemon's memory");
        fill(area, 4 * MiB, 18);
        settle();
        verify(area, 4 * MiB, 18, "a daemon's own memory");
        SYS(write(3, "alive", 5));
        _exit(0);
    }
    SYS(close(answer[1]));
    reap_good(first, "the first fork");
    fill(area, 4 * MiB, 19);
    char text[16] = "";
    ssize_t n;
    while ((n = read(answer[0], text, sizeof text)) < 0 && errno == EINTR)
        ;
    CHECK(n == 5 && !memcmp(text, "alive", 5), "the daemon did not answer");
    verify(area, 4 * MiB, 19, "the parent's memory");
    return finish("the daemon worked");
}
