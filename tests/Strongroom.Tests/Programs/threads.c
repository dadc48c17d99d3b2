// Threads keep their own and each other's memory through many idle periods.
// run: cflags=-pthread
#include "common.h"

enum { Threads = 6, Length = 1 << 20, Rounds = 4 };
static unsigned char *areas[Threads];
static pthread_barrier_t barrier;

static void *work(void *argument)
{
    long self = (long)argument;
    for (uint64_t round = 0; round < Rounds; round++) {
        fill(areas[self], Length, self * 1000 + round);
        pthread_barrier_wait(&barrier);
        if (self == 0)
            settle();
        pthread_barrier_wait(&barrier);
        for (long i = 0; i < Threads; i++)
            verify(areas[(self + i) % Threads], Length, (self + i) % Threads * 1000 + round, "a thread's memory");
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void)
{
    begin();
    pthread_t threads[Threads];
    pthread_barrier_init(&barrier, NULL, Threads);
    for (long i = 0; i < Threads; i++)
        areas[i] = map(Length);
    for (long i = 0; i < Threads; i++)
        threads[i] = spawn(work, (void *)i);
    for (int i = 0; i < Threads; i++)
        join(threads[i]);
    return finish("threads kept their memory");
}
