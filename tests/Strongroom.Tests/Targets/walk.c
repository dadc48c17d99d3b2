// Walks through much memory in order, again and again: pages are opened by the dozen and must be sealed as fast.
// usage: walk MEBIBYTES SECONDS
#include "common.h"
#include <time.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t pages = (size_t)atol(argv[1]) * 256;
    time_t end = time(NULL) + atoi(argv[2]);
    volatile uint64_t *words = map(pages * PAGE);
    for (uint64_t round = 0; time(NULL) < end; round++)
        for (size_t page = 0; page < pages; page++) {
            if (words[page * 512] != (round ? round + page : 0)) {
                printf("WRONG page %zu in round %lu\n", page, (unsigned long)round);
                return 1;
            }
            words[page * 512] = round + 1 + page;
        }
    printf("walked\n");
    return 0;
}
