// Futexes, mutexes, condition variables and barriers whose words lie in sealed memory.
// run: cflags=-pthread
#include "common.h"
#include <linux/futex.h>

enum { Pairs = 8, Rounds = 6 };
struct place { pthread_mutex_t mutex; pthread_cond_t condition; int turn; uint32_t word; char room[PAGE - 256]; };
static struct place *places;

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *limit)
{
    return syscall(SYS_futex, word, operation, value, limit, NULL, 0);
}

static void *work(void *argument)
{
    long self = (long)argument, me = self % 2;
    struct place *p = &places[self / 2];
    for (int round = 0; round < Rounds; round++) {
        pthread_mutex_lock(&p->mutex);
        while (p->turn != round * 2 + me)
            pthread_cond_wait(&p->condition, &p->mutex);
        if (self == 0)
            settle();
        p->turn++;
        pthread_cond_broadcast(&p->condition);
        pthread_mutex_unlock(&p->mutex);
    }
    // The same with bare futexes.
    for (uint32_t round = 0; round < Rounds; round++) {
        uint32_t mine = round * 2 + me, seen;
        while ((seen = __atomic_load_n(&p->word, __ATOMIC_SEQ_CST)) != mine)
            (void)futex(&p->word, FUTEX_WAIT_PRIVATE, seen, NULL);
        if (self == 1)
            settle();
        __atomic_store_n(&p->word, mine + 1, __ATOMIC_SEQ_CST);
        (void)futex(&p->word, FUTEX_WAKE_PRIVATE, 1000, NULL);
    }
    return NULL;
}

int main(void)
{
    begin();
    places = map(sizeof *places * Pairs);
    for (int i = 0; i < Pairs; i++) {
        pthread_mutex_init(&places[i].mutex, NULL);
        pthread_cond_init(&places[i].condition, NULL);
    }
    pthread_t threads[Pairs * 2];
    for (long i = 0; i < Pairs * 2; i++)
        threads[i] = spawn(work, (void *)i);
    for (int i = 0; i < Pairs * 2; i++)
        join(threads[i]);
    // A wait on a sealed word with a wrong value returns at once, and one with the right value times out exactly.
    settle();
    CHECK(futex(&places[0].word, FUTEX_WAIT, 12345, NULL) == -1 && errno == EAGAIN, "a wrong value: %s", strerror(errno));
    settle();
    struct timespec limit = { 0, 30000000 };
    double before = seconds();
    CHECK(futex(&places[0].word, FUTEX_WAIT, places[0].word, &limit) == -1 && errno == ETIMEDOUT, "%s", strerror(errno));
    CHECK(seconds() - before >= 0.0299, "a wait of 30 ms took %.1f ms", (seconds() - before) * 1e3);
    return finish("sleepers were woken");
}
