// Allocates, writes and frees blocks of mixed sizes through malloc(3), as programs do; the heap grows and shrinks.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096, ROUNDS = 60000000 };

int main(void)
{
    static char *slot[SLOTS];
    uint64_t state = 88172645463325252ULL;
    unsigned long sum = 0;
    for (long round = 0; round < ROUNDS; round++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size_t which = state % SLOTS;
        size_t size = 16 + (state >> 20) % ((state >> 60) == 0 ? 262144 : 2048);
        free(slot[which]);
        slot[which] = malloc(size);
        if (!slot[which])
            return 1;
        memset(slot[which], (int)round, size < 4096 ? size : 4096);
        sum += (unsigned char)slot[which][size / 2 < 4095 ? size / 2 : 0];
    }
    printf("%lu\n", sum);
    return 0;
}
