// Faults as fast as it can, from many threads, on memory far beyond the window; never ends by itself.
#include "common.h"

enum { Pages = 16384, Threads = 6 };
static unsigned char *area;

static void *flood(void *argument)
{
    for (uint64_t i = (uintptr_t)argument << 40;; i++) {
        size_t page = mix(i) % Pages;
        if (*(volatile uint64_t *)(area + page * PAGE) != word_at(1, page * 512))
            _exit(41);
        if (i % 65536 == 1)
            (void)madvise(area, PAGE, MADV_COLD);
    }
}

int main(void)
{
    area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 1);
    for (uintptr_t i = 1; i <= Threads; i++)
        (void)spawn(flood, (void *)i);
    (void)!write(1, "ready\n", 6);
    for (;;)
        pause();
}
