// Works on 4 MiB of its own for a while and allocates beside it: one of many processes at once. usage: worker ROUNDS
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    size_t words = 1 << 19;
    uint64_t *p = malloc(words * 8);
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++)
        p[i] = i;
    for (long round = 0; round < rounds; round++) {
        for (size_t i = 0; i < words; i += 8) {
            p[i] = p[i] * 6364136223846793005ULL + (uint64_t)round;
            sum ^= p[i];
        }
        char *fresh = malloc(262144);
        memset(fresh, (int)round, 262144);
        sum += (unsigned char)fresh[round % 262144];
        free(fresh);
    }
    printf("%lu\n", (unsigned long)sum);
    return 0;
}
