// A victim beside an attacker: checks marked memory beyond its window for some seconds and says how many pages it got
// through; the time belongs to the caller.
#include "common.h"

enum { Pages = 2048 };

int main(int argc, char **argv)
{
    CHECK(argc > 1, "usage: neighbour MILLISECONDS");
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 0x5ec7e7);
    printf("ready\n");
    fflush(stdout);
    settle();
    uint64_t pages = 0;
    for (double until = seconds() + atol(argv[1]) / 1000.0; seconds() < until; pages++) {
        size_t page = mix(pages) % Pages;
        verify_from(area + page * PAGE, PAGE, 0x5ec7e7, page * 512, "a neighbour's memory");
    }
    printf("pages %lu\n", (unsigned long)pages);
    return 0;
}
