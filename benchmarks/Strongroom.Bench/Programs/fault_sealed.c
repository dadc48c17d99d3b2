// Fills memory, lets it get cold, then touches single pages far from each other and prints the time of each in nanoseconds.
// usage: fault_sealed MEBIBYTES SECONDS TOUCHES
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "warm.h"

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    size_t pages = (size_t)atol(argv[1]) * 256;
    long touches = atol(argv[3]);
    volatile uint64_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    madvise((void *)p, pages * 4096, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; i++)
        p[i * 512] = i + 1;
    sleep((unsigned)atoi(argv[2]));
    warm_free_memory();
    size_t stride = pages / (size_t)touches;
    for (long i = 0; i < touches; i++) {
        size_t page = (size_t)i * stride;
        uint64_t start = now();
        uint64_t value = p[page * 512];
        uint64_t end = now();
        if (value != page + 1) {
            fprintf(stderr, "page %zu holds %lu\n", page, (unsigned long)value);
            return 3;
        }
        printf("%lu\n", (unsigned long)(end - start));
    }
    return 0;
}
