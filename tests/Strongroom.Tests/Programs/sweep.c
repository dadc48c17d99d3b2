// A working set many times the window is swept, read backwards, and visited at random, by two threads.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Pages = 8192 };
static unsigned char *area;

static void *visit(void *argument)
{
    for (uint64_t i = 0; i < 6000; i++) {
        size_t page = mix(i + (uintptr_t)argument) % Pages;
        verify_from(area + page * PAGE + 1024, 64, 6, (page * PAGE + 1024) / 8, "a page visited at random");
    }
    return NULL;
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 5);
    settle();
    verify(area, Pages * PAGE, 5, "the first sweep");
    for (size_t page = Pages; page-- > 0;) {
        verify_from(area + page * PAGE, PAGE, 5, page * (PAGE / 8), "the way back");
        fill_from(area + page * PAGE, PAGE, 6, page * (PAGE / 8));
    }
    settle();
    pthread_t other = spawn(visit, (void *)1);
    (void)visit(NULL);
    join(other);
    return finish("the sweep was right");
}
