// MADV_DONTNEED in one thread while the others touch the same pages: whoever reads sees what was written after the
// last discard or zero, and after the discard has returned no older byte is ever seen again.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Pages = 64, Readers = 3, Rounds = 300 };
static volatile uint64_t *area;
static atomic_ulong lowest;     // No page may hold a value below this one, except zero.
static atomic_bool stop;

static void *watch(void *argument)
{
    uint64_t random = (uint64_t)argument;
    while (!stop) {
        random = mix(random + 1);
        uint64_t bound = lowest;
        uint64_t seen = area[random % Pages * (PAGE / 8)];
        CHECK(seen == 0 || seen >= bound, "a page shows %lu, which was discarded before %lu was written",
            (unsigned long)seen, (unsigned long)bound);
    }
    return NULL;
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    pthread_t readers[Readers];
    for (long i = 0; i < Readers; i++)
        readers[i] = spawn(watch, (void *)i);
    for (uint64_t round = 1; round <= Rounds; round++) {
        for (size_t page = 0; page < Pages; page++)
            area[page * (PAGE / 8)] = round;
        if (round % 30 == 0)
            settle();
        SYS(madvise((void *)area, Pages * PAGE, MADV_DONTNEED));
        lowest = round + 1;
        for (size_t page = 0; page < Pages; page++)
            CHECK(area[page * (PAGE / 8)] == 0, "page %zu is %lu right after it was discarded in round %lu", page,
                (unsigned long)area[page * (PAGE / 8)], (unsigned long)round);
    }
    stop = true;
    for (int i = 0; i < Readers; i++)
        join(readers[i]);
    return finish("discarded is discarded");
}
