// O_DIRECT: the device reads from and writes into pages that were idle, in whole, in part and by vectors.
#include "common.h"
#include <sys/uio.h>

enum { Pages = 256 };

int main(void)
{
    begin();
    char path[] = "strongroom-direct-XXXXXX";
    int plain = SYS(mkstemp(path));
    int file = open(path, O_RDWR | O_DIRECT);
    if (file < 0 && errno == EINVAL)
        file = SYS(open(path, O_RDWR));     // This file system has no direct I/O; the calls are still worth making.
    SYS(unlink(path));
    unsigned char *from = map(Pages * PAGE), *to = map(Pages * PAGE);
    for (int round = 0; round < 5; round++) {
        fill(from, Pages * PAGE, round);
        memset(to, round + 1, Pages * PAGE);
        settle();
        CHECK(SYS(pwrite(file, from, Pages * PAGE, 0)) == (long)(Pages * PAGE), "a short direct write");
        if (round % 2 == 0)
            settle();
        CHECK(SYS(pread(file, to + PAGE, (Pages - 2) * PAGE, PAGE)) == (long)((Pages - 2) * PAGE), "a short read");
        verify_from(to + PAGE, (Pages - 2) * PAGE, round, PAGE / 8, "what the device wrote");
        for (size_t i = 0; i < PAGE; i++)
            CHECK(to[i] == round + 1 && to[(Pages - 1) * PAGE + i] == round + 1, "a neighbour page changed");
        settle();
        struct iovec vector[16];
        for (int i = 0; i < 16; i++)
            vector[i] = (struct iovec){ to + (15 - i) * 3 * PAGE + 512, 512 };
        CHECK(SYS(preadv(file, vector, 16, 4096)) == 16 * 512, "a short vectored read");
        for (int i = 0; i < 16; i++)
            verify_from(vector[i].iov_base, 512, round, (4096 + i * 512) / 8, "what a vectored read brought");
        verify(from, Pages * PAGE, round, "the source");
    }
    SYS(close(plain));
    return finish("devices found their pages");
}
