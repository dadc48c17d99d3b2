// Pages in use whose accessed bits are cleared all the time, as reclaim and DAMON do now and then: Linux 6.18 says EEXIST of some moves
// of such pages although it made them.
// run: cflags=-pthread window=1M idle=10ms
#include "common.h"

enum { Hot = 3, Others = 1024, Words = 512 };
#ifndef MADV_COLD
#define MADV_COLD 20
#endif
static volatile uint64_t *hot;
static atomic_bool is_over;

static void *use_hot(void *unused)
{
    for (uint64_t round = 0; !is_over; round++)
        for (size_t i = 0; i < Hot; i++) {
            volatile uint64_t *word = hot + i * Words;
            madvise((void *)word, PAGE, MADV_COLD);
            uint64_t seen = *word;
            CHECK(seen == round + i, "hot page %zu holds %lu instead of %lu", i, (unsigned long)seen, (unsigned long)(round + i));
            *word = round + i + 1;
        }
    return unused;
}

int main(void)
{
    begin();
    hot = map(Hot * PAGE);
    for (size_t i = 0; i < Hot; i++)
        hot[i * Words] = i;

    // More than the window, so that the hot pages are moved again and again.
    volatile uint64_t *others = map(Others * PAGE);
    SYS(madvise((void *)others, Others * PAGE, MADV_NOHUGEPAGE));
    fill((void *)others, Others * PAGE, 1);

    pthread_t user = spawn(use_hot, NULL);
    double end = seconds() + 2 * (double)setting("TARGET_SCALE", 1);
    for (uint64_t i = 0; seconds() < end; i++) {
        size_t word = mix(i) % (Others * Words);
        uint64_t seen = others[word];
        CHECK(seen == word_at(1, word), "word %zu of the others is %016lx", word, (unsigned long)seen);
    }

    is_over = true;
    join(user);
    return finish("cold pages in use");
}
