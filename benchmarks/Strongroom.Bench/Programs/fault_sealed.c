// Fills memory, lets it get cold, then touches single pages of it.
// usage: fault_sealed MEBIBYTES TOUCHES ROUNDS SECONDS
#include "touches.h"

static uint64_t expected(size_t page)
{
    return page + 1;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    size_t pages = (size_t)atol(argv[1]) * 256;
    volatile uint64_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    madvise((void *)p, pages * 4096, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; i++)
        p[i * 512] = expected(i);
    sleep((unsigned)atoi(argv[4]));
    return touch_pages(p, pages, atol(argv[2]), atoi(argv[3]), expected);
}
