// Several threads fork at once; every child verifies and writes; some children fork again.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Threads = 4, Forks = 8, Pages = 256 };
static unsigned char *area;

static void *work(void *argument)
{
    long self = (long)argument;
    for (long i = 0; i < Forks; i++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(area, Pages * PAGE, 42, "memory in a child");
            fill(area, Pages * PAGE, self * 100 + i);
            if (i % 4 == 0) {
                pid_t grandchild = SYS(fork());
                if (grandchild == 0) {
                    verify(area, Pages * PAGE, self * 100 + i, "memory in a grandchild");
                    _exit(0);
                }
                fill(area, Pages * PAGE, 1);
                reap_good(grandchild, "a grandchild");
                verify(area, Pages * PAGE, 1, "memory of its parent");
                _exit(0);
            }
            verify(area, Pages * PAGE, self * 100 + i, "memory of a child");
            _exit(0);
        }
        if (i % 3 == self % 3)
            settle();
        reap_good(child, "a child");
    }
    return NULL;
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 42);
    settle();
    pthread_t threads[Threads];
    for (long i = 0; i < Threads; i++)
        threads[i] = spawn(work, (void *)i);
    for (int i = 0; i < Threads; i++)
        join(threads[i]);
    verify(area, Pages * PAGE, 42, "the parent's memory");
    return finish("every child was right");
}
