// Threads map and unmap wherever the kernel likes, so that one thread's address becomes another's a moment later.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Threads = 4, Rounds = 1500 };

static void *work(void *argument)
{
    uint64_t random = (uint64_t)argument + 99;
    unsigned char *held[8] = { 0 };
    size_t lengths[8] = { 0 };
    uint64_t seeds[8] = { 0 };
    for (int round = 0; round < Rounds; round++) {
        random = mix(random + round);
        int i = random % 8;
        if (held[i]) {
            verify(held[i], lengths[i], seeds[i], "a mapping that was held");
            SYS(munmap(held[i], lengths[i]));
        }
        lengths[i] = (1 + random / 8 % 24) * PAGE;
        seeds[i] = random;
        held[i] = map(lengths[i]);
        verify_zero(held[i], lengths[i], "a fresh mapping");
        fill(held[i], lengths[i], random);
        if (random % 256 == 3)
            settle();
    }
    for (int i = 0; i < 8; i++)
        if (held[i])
            verify(held[i], lengths[i], seeds[i], "a mapping at the end");
    return NULL;
}

int main(void)
{
    begin();
    pthread_t threads[Threads];
    for (long i = 0; i < Threads; i++)
        threads[i] = spawn(work, (void *)(i * 1000));
    for (int i = 0; i < Threads; i++)
        join(threads[i]);
    return finish("fresh memory was fresh");
}
