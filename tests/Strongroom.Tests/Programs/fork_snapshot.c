// A fork is a snapshot of one moment also while other threads write: a thread writes page a before page b, so in no
// child may b be newer than a, and no page may be torn.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Pairs = 64, Forks = 24, Words = 512 };
static volatile uint64_t (*area)[2][Words];
static atomic_bool stop;

static void *write_pairs(void *argument)
{
    long pair = (long)argument;
    for (uint64_t round = 1; !stop; round++)
        for (long i = pair; i < Pairs; i += 2)
            for (int half = 0; half < 2; half++) {
                area[i][half][0] = round;
                atomic_signal_fence(memory_order_seq_cst);
                area[i][half][Words - 1] = round;
                atomic_signal_fence(memory_order_seq_cst);
            }
    return NULL;
}

int main(void)
{
    begin();
    area = map(sizeof(uint64_t[Pairs][2][Words]));
    pthread_t writers[2] = { spawn(write_pairs, (void *)0), spawn(write_pairs, (void *)1) };
    for (int n = 0; n < Forks; n++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            for (int i = 0; i < Pairs; i++) {
                uint64_t order[4] = { area[i][0][0], area[i][0][Words - 1], area[i][1][0], area[i][1][Words - 1] };
                for (int k = 1; k < 4; k++)
                    CHECK(order[k] <= order[k - 1] && order[k] + 1 >= order[0],
                        "pair %d went back in time: %lu %lu %lu %lu", i, (unsigned long)order[0],
                        (unsigned long)order[1], (unsigned long)order[2], (unsigned long)order[3]);
            }
            _exit(0);
        }
        reap_good(child, "a snapshot");
        if (n % 8 == 7)
            settle();
    }
    stop = true;
    join(writers[0]);
    join(writers[1]);
    return finish("forks were snapshots");
}
