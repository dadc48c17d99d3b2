// A program executes itself: what it made before leaves it no child whose end would be told to what it becomes.
#include "common.h"

enum { Execs = 6, SharedBytes = 256 << 20 };
static volatile sig_atomic_t told;

static void on_child(int signal)
{
    (void)signal;
    told = told + 1;
}

int main(int argc, char **argv)
{
    SYS(sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child }, NULL));
    int left = argc > 1 ? atoi(argv[1]) : Execs;
    begin();
    settle();
    CHECK(told == 0, "%d ends of children were told where there were none", (int)told);
    if (left == 0)
        return finish("no end was told");

    // Shared memory is taken down at an exec by who uses it last, which takes a while.
    unsigned char *memory = mmap(NULL, SharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "mmap: %s", strerror(errno));
    memset(memory, 1, SharedBytes);
    settle();
    char number[16];
    snprintf(number, sizeof number, "%d", left - 1);
    execl("/proc/self/exe", argv[0], number, (char *)NULL);
    fail("execl: %s", strerror(errno));
}
