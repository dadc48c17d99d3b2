// exec from a process with many threads, by the first thread and by another one; memory starts anew each time.
// run: cflags=-pthread
#include "common.h"

static char *self;
static unsigned char *area;

static void *spin(void *argument)
{
    for (size_t i = 0;; i = (i + 1) % 256)
        ((volatile unsigned char *)argument)[i * PAGE]++;
    return NULL;
}

static void *exec_next(void *argument)
{
    char *arguments[] = { self, argument, NULL };
    execv("/proc/self/exe", arguments);
    fail("exec: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    self = argv[0];
    int round = argc > 1 ? atoi(argv[1]) : 0;
    char next[16];
    snprintf(next, sizeof next, "%d", round + 1);
    begin();
    area = map(MiB);
    verify_zero(area, MiB, "fresh memory after exec");
    fill(area, MiB, round);
    if (round == 6)
        return finish("seven programs one after another");
    for (int i = 0; i < 5; i++)
        (void)spawn(i < 2 ? spin : (void *(*)(void *))(void *)pause, map(MiB));
    settle();
    verify(area, MiB, round, "memory before exec");
    if (round % 2 == 0)
        exec_next(next);
    join(spawn(exec_next, next));
    return 1;
}
