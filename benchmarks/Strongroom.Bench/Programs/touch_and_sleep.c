// Fills memory and sleeps, again and again. usage: touch_and_sleep MEBIBYTES SECONDS [TIMES]
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int times = argc > 3 ? atoi(argv[3]) : 1;
    size_t words = (size_t)atol(argv[1]) << 17;
    uint64_t *p = mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    for (int time = 0; time < times; time++) {
        for (size_t i = 0; i < words; i++)
            p[i] = (i + (size_t)time) * 0x9e3779b97f4a7c15ULL;
        sleep((unsigned)atoi(argv[2]));
    }
    return 0;
}
