// Touches memory and gives it back just before faults are timed: the kernel gives out first what it has just got back, and a host that
// has taken free memory away needs long to bring a page back, which is no part of a fault. So little that no pager looks meanwhile.
#ifndef STRONGROOM_BENCH_WARM_H
#define STRONGROOM_BENCH_WARM_H
#include <sys/mman.h>

static inline void warm_free_memory(void)
{
    enum { Bytes = 4 << 20, Page = 4096 };
    char *used = mmap(0, Bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (used == MAP_FAILED)
        return;
    madvise(used, Bytes, MADV_NOHUGEPAGE);
    for (int at = 0; at < Bytes; at += Page)
        used[at] = 1;
    munmap(used, Bytes);
}
#endif
