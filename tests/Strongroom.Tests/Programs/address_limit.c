// RLIMIT_AS and RLIMIT_DATA: allocations fail at the limit with ENOMEM, and memory below it is right.
#include "common.h"
#include <sys/resource.h>

int main(void)
{
    begin();
    struct rlimit limit = { 200 * MiB, 200 * MiB };
    SYS(setrlimit(RLIMIT_AS, &limit));
    unsigned char *blocks[512];
    int count = 0;
    while (count < 512) {
        void *p = mmap(NULL, MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        blocks[count++] = p;
    }
    CHECK(errno == ENOMEM && count > 100 && count < 200, "%d MiB were given: %s", count, strerror(errno));
    for (int i = 0; i < 16; i++)      // Some room, as a program has that lives with its limit.
        SYS(munmap(blocks[--count], MiB));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i += 10)
            fill(blocks[i], MiB, i + round);
        settle();
        for (int i = 0; i < count; i += 10)
            verify(blocks[i], MiB, i + round, "memory at the limit");
        pid_t child = SYS(fork());
        if (child == 0) {
            for (int i = 0; i < count; i += 10)
                verify(blocks[i], MiB, i + round, "memory of a child at the limit");
            _exit(0);
        }
        reap_good(child, "a child at the limit");
    }
    return finish("limits hold and do no harm");
}
