// Processes that fork all the time, so that whoever stops one often meets it inside fork(2). Each waits until it has a child that it did
// not make, its agent, and executes itself anew. Not for a stock kernel: nobody has an agent there.
#include "common.h"

enum { Workers = 4, Lives = 60, Pages = 2048 };

static bool has_agent(void)
{
    char children[256];
    list_children(children, sizeof children);
    return children[0] != 0;
}

static void live(const char *self, int lives)
{
    unsigned char *memory = map(Pages * PAGE);
    SYS(madvise(memory, Pages * PAGE, MADV_NOHUGEPAGE)); // small pages: copying their table is what takes long
    fill(memory, Pages * PAGE, lives);
    for (double end = seconds() + 0.03; seconds() < end;) {
        pid_t child = SYS(fork());
        if (child == 0)
            _exit(0);
        reap_good(child, "a child");
    }
    for (double end = seconds() + 5; !has_agent();) {
        CHECK(seconds() < end, "no agent after 5 seconds, %d lives before the last", lives);
        sleep_milliseconds(1);
    }
    verify(memory, Pages * PAGE, lives, "memory");
    char left[16];
    snprintf(left, sizeof left, "%d", lives - 1);
    execl(self, self, left, (char *)NULL);
    fail("execl: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    int lives = argc > 1 ? atoi(argv[1]) : Lives;
    if (argc > 1 && lives > 0)
        live(argv[0], lives);
    if (argc > 1)
        return 0;
    pid_t workers[Workers];
    for (int i = 0; i < Workers; i++)
        if ((workers[i] = SYS(fork())) == 0)
            live(argv[0], lives);
    for (int i = 0; i < Workers; i++)
        reap_good(workers[i], "a worker");
    printf("every one got its agent\n");
    return 0;
}
