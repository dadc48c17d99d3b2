// Threads come and go, on stacks that are reused, while a table that they all read lies idle between rounds.
// run: cflags=-pthread
#include "common.h"

enum { Rounds = 4, Threads = 40 };
static unsigned char *table;

static void *work(void *argument)
{
    uint64_t local[1024];
    size_t page = (size_t)argument % BallastPages;
    fill(local, sizeof local, page);
    verify_from(table + page * PAGE, PAGE, 77, page * (PAGE / 8), "the table");
    sched_yield();
    verify(local, sizeof local, page, "a thread's stack");
    return argument;
}

int main(void)
{
    begin();
    table = map(BallastPages * PAGE);
    fill(table, BallastPages * PAGE, 77);
    for (int round = 0; round < Rounds; round++) {
        for (int batch = 0; batch < 5; batch++) {
            pthread_t threads[Threads];
            for (long i = 0; i < Threads; i++)
                threads[i] = spawn(work, (void *)(i * 13 + round * 101 + batch));
            for (long i = 0; i < Threads; i++) {
                void *answer;
                CHECK(pthread_join(threads[i], &answer) == 0, "cannot join");
                CHECK(answer == (void *)(i * 13 + round * 101 + batch), "a thread returned %p", answer);
            }
        }
        settle();
    }
    return finish("threads came and went");
}
