// A signal whose frame does not fit becomes a SIGSEGV that the kernel forces (kernel/signal.c, force_sigsegv). It reaches its handler as
// often as it comes, and tells why, whatever is done to the thread between the two.
#include "common.h"

enum { Execs = 6 };
static volatile sig_atomic_t faults, wrong;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    faults = faults + 1;
    wrong = wrong + (info->si_code != SI_KERNEL);
}

static void on_hangup(int signal)
{
    (void)signal;
    fail("SIGHUP has a frame on a stack that is read-only");
}

int main(int argc, char **argv)
{
    int left = argc > 1 ? atoi(argv[1]) : Execs;
    stack_t stack = { .ss_sp = map(16 * PAGE), .ss_size = 16 * PAGE };
    SYS(sigaltstack(&stack, NULL));
    SYS(mprotect(stack.ss_sp, stack.ss_size, PROT_READ));
    SYS(sigaction(SIGSEGV, &(struct sigaction){ .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, NULL));
    SYS(sigaction(SIGHUP, &(struct sigaction){ .sa_handler = on_hangup, .sa_flags = SA_ONSTACK }, NULL));
    begin();
    int sent = 0;
    for (double end = seconds() + (double)setting("TARGET_SETTLE_MS", 1) / 1000; seconds() < end; sent++)
        raise(SIGHUP);
    CHECK(faults == sent && wrong == 0, "%d faults of %d signals, %d of them not the kernel's", (int)faults, sent, (int)wrong);
    if (left == 0)
        return finish("every fault was told");
    char number[16];
    snprintf(number, sizeof number, "%d", left - 1);
    execl("/proc/self/exe", argv[0], number, (char *)NULL);
    fail("execl: %s", strerror(errno));
}
