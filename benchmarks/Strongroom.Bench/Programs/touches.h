// Touches single pages far from each other and prints the time of each in nanoseconds: the same for every handler of the faults.
#ifndef STRONGROOM_BENCH_TOUCHES_H
#define STRONGROOM_BENCH_TOUCHES_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Touches memory and gives it back just before faults are timed: the kernel gives out first what it has just got back, and a host that
// has taken free memory away needs long to bring a page back, which is no part of a fault. So little that no pager looks meanwhile.
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

// Rounds of touches on different pages, a second apart; the last is printed. Those before it are for a handler whose code is compiled while
// it runs, and does not reach its speed in the first milliseconds.
static inline int touch_pages(volatile uint64_t *p, size_t pages, long touches, int rounds, uint64_t (*expected)(size_t page))
{
    size_t stride = pages / (size_t)touches;
    for (int round = 0; round < rounds; round++) {
        if (round > 0)
            sleep(1);
        warm_free_memory();
        for (long i = 0; i < touches; i++) {
            size_t page = (size_t)i * stride + stride * (size_t)round / (size_t)rounds;
            uint64_t start = now();
            uint64_t value = p[page * 512];
            uint64_t end = now();
            if (value != expected(page)) {
                fprintf(stderr, "page %zu holds %lu\n", page, (unsigned long)value);
                return 3;
            }
            if (round == rounds - 1)
                printf("%lu\n", (unsigned long)(end - start));
        }
    }
    return 0;
}
#endif
