// Reads and writes pages of a working set in some order, first unmeasured until the pager has settled, then measured, and prints
// the steps done in a second. usage: access MEBIBYTES uniform|zipf|sequential WARM_SECONDS SECONDS
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static uint64_t state = 88172645463325252ULL;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    size_t pages = (size_t)atol(argv[1]) * 256;
    double warm = atof(argv[3]);
    double length = atof(argv[4]);
    uint64_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    madvise(p, pages * 4096, MADV_NOHUGEPAGE);
    // Hot pages lie anywhere: a random permutation of ranks.
    uint32_t *place = malloc(pages * sizeof *place);
    for (size_t i = 0; i < pages; i++)
        place[i] = (uint32_t)i;
    for (size_t i = pages - 1; i > 0; i--) {
        size_t j = next() % (i + 1);
        uint32_t t = place[i];
        place[i] = place[j];
        place[j] = t;
    }
    for (size_t i = 0; i < pages; i++)
        p[i * 512] = i;
    double start = now();
    double measured = 0;
    long counted = 0;
    uint64_t sum = 0;
    double range = pow((double)pages, 0.2);
    for (long step = 0;; step++) {
        if (step % 64 == 0) {
            double elapsed = now() - start;
            if (measured == 0 && elapsed >= warm) {
                measured = elapsed;
                counted = step;
            } else if (measured > 0 && elapsed >= measured + length) {
                printf("%.1f %lu\n", (double)(step - counted) / (elapsed - measured), (unsigned long)sum);
                return 0;
            }
        }
        size_t page;
        if (argv[2][0] == 's') {
            page = (size_t)step % pages;
        } else if (argv[2][0] == 'u') {
            page = next() % pages;
        } else {
            // Zipf with exponent 0.8, by inverting the continuous distribution.
            double u = (double)(next() >> 11) * 0x1p-53;
            double rank = pow(1 + u * (range - 1), 5) - 1;
            page = place[rank < (double)pages ? (size_t)rank : pages - 1];
        }
        // Some work on the page: 64 words of it.
        uint64_t *words = p + page * 512;
        if (words[0] != page)
            return 3;
        for (int i = 1; i < 64; i++) {
            words[i] = words[i] * 3 + (uint64_t)step;
            sum += words[i];
        }
    }
}
