// PR_SET_SYSCALL_USER_DISPATCH: system calls of the program come to it as SIGSYS, each one exactly once, and no others (Wine runs so).
#include "common.h"
#include <sys/prctl.h>
#include <ucontext.h>

enum { Number = 4321, Answer = 77, Rounds = 20000, Spins = 2000 };
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif
static volatile unsigned char selector; // 0: allow, 1: dispatch
static volatile long dispatched, others, last_other;

static void on_dispatch(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    selector = 0;
    if (info->si_syscall == Number)
        dispatched++;
    else
        others++, last_other = info->si_syscall;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = Answer;
}

static long call_nobody_has(void)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"((long)Number) : "rcx", "r11", "memory");
    return result;
}

int main(void)
{
    begin();
    struct sigaction action = { .sa_sigaction = on_dispatch, .sa_flags = SA_SIGINFO };
    SYS(sigaction(SIGSYS, &action, NULL));
    SYS(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector));
    for (long round = 1; round <= Rounds; round++) {
        selector = 1;
        for (volatile int spin = 0; spin < Spins; spin++)
            ;
        long result = call_nobody_has();
        selector = 0;
        CHECK(others == 0, "system call %ld, which the program did not make, was dispatched", last_other);
        CHECK(result == Answer && dispatched == round, "round %ld: %ld calls were dispatched, the last gave %ld", round, dispatched, result);
    }
    return finish("every call was dispatched once");
}
