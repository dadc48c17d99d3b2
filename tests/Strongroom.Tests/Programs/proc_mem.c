// Reading and writing memory by /proc/PID/mem and process_vm_readv, one's own and a child's: where sealed pages cannot
// be had they are refused, and what is had is right.
#include "common.h"
#include <sys/prctl.h>
#include <sys/uio.h>

enum { Pages = 128 };

static void inspect(pid_t pid, unsigned char *area, uint64_t seed, unsigned char *copy, const char *whose)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int mem = SYS(open(path, O_RDWR | O_CLOEXEC));
    memset(copy, 0, Pages * PAGE);
    // The kernel reads here without waiting for a fault handler: pages that are not there end the read, or refuse it.
    ssize_t n = pread(mem, copy, Pages * PAGE, (off_t)area);
    CHECK(n > 0 || errno == EIO, "reading %s gave %zd: %s", path, n, strerror(errno));
    verify(copy, n > 0 ? n : 0, seed, whose);
    SYS(close(mem));
    memset(copy, 0, Pages * PAGE);
    struct iovec local = { copy, Pages * PAGE }, remote = { area, Pages * PAGE };
    CHECK(SYS(process_vm_readv(pid, &local, 1, &remote, 1, 0)) == (long)(Pages * PAGE), "a short read of %d", pid);
    verify(copy, Pages * PAGE, seed, whose);
}

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE), *copy = map(Pages * PAGE);
    for (int round = 0; round < 3; round++) {
        fill(area, Pages * PAGE, round);
        settle();
        inspect(getpid(), area, round, copy, "the program's own memory");
        fill(copy, Pages * PAGE, 100 + round);
        settle();
        struct iovec local = { copy, Pages * PAGE }, remote = { area, Pages * PAGE };
        CHECK(SYS(process_vm_writev(getpid(), &local, 1, &remote, 1, 0)) == (long)(Pages * PAGE), "a short write");
        verify(area, Pages * PAGE, 100 + round, "memory written from outside");
        int ends[2], told[2];
        SYS(pipe(ends));
        SYS(pipe(told));
        pid_t child = SYS(fork());
        if (child == 0) {
            char byte = 1;
            fill(area, Pages * PAGE, 200 + round);
            SYS(write(told[1], &byte, 1));
            SYS(close(ends[1]));
            (void)!read(ends[0], &byte, 1);
            verify(area, Pages * PAGE, 200 + round, "a child's memory that was looked into");
            _exit(0);
        }
        char written;
        CHECK(SYS(read(told[0], &written, 1)) == 1, "the child said nothing");
        settle();
        inspect(child, area, 200 + round, copy, "a child's memory");
        SYS(close(told[0]));
        SYS(close(told[1]));
        SYS(close(ends[0]));
        SYS(close(ends[1]));
        reap_good(child, "a child that was looked into");
    }
    return finish("memory was reached from outside");
}
