// Signals are delivered on an alternate stack, and on thread stacks, that lay idle; contexts come back intact.
// run: cflags=-pthread
#include "common.h"

static volatile sig_atomic_t delivered;
static unsigned char *alternate;
enum { Length = 64 * 1024 };

static void on_signal(int signal, siginfo_t *information, void *context)
{
    (void)context;
    unsigned char local[8192];
    memset(local, signal, sizeof local);
    uintptr_t here = (uintptr_t)local;
    CHECK(here > (uintptr_t)alternate && here < (uintptr_t)alternate + Length, "the handler runs on another stack");
    CHECK(information->si_value.sival_int == 42 || information->si_code != SI_QUEUE, "the value was lost");
    delivered = delivered + (local[4000] == signal);
}

int main(void)
{
    begin();
    alternate = map(Length);
    stack_t stack = { .ss_sp = alternate, .ss_size = Length };
    SYS(sigaltstack(&stack, NULL));
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    SYS(sigaction(SIGUSR1, &action, NULL));
    SYS(sigaction(SIGALRM, &action, NULL));
    for (int round = 0; round < 6; round++) {
        memset(alternate, 0x77, Length / 2);
        settle();
        volatile double before[8];
        for (int i = 0; i < 8; i++)
            before[i] = i * 1.25 + round;
        SYS(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }));
        SYS(raise(SIGALRM));
        for (int i = 0; i < 8; i++)
            CHECK(before[i] == i * 1.25 + round, "a local variable changed");
        CHECK(delivered == 2 * (round + 1), "%d signals were handled in round %d", (int)delivered, round);
    }
    return finish("signals were handled on an idle stack");
}
