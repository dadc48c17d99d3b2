// A stack that overflows ends in SIGSEGV, caught on another stack that was idle, as without a pager.
#include "common.h"
#include <setjmp.h>
#include <sys/resource.h>

static sigjmp_buf escape;

static void on_fault(int signal)
{
    siglongjmp(escape, signal);
}

static int overflow(int depth)
{
    volatile char frame[2048];
    frame[depth % 2048] = depth;
    return depth < 0 ? 0 : overflow(depth + 1) + frame[depth % 2048];
}

int main(void)
{
    begin();
    struct rlimit limit = { 1 << 20, 1 << 20 };
    SYS(setrlimit(RLIMIT_STACK, &limit));
    stack_t alternate = { .ss_sp = map(64 * KiB), .ss_size = 64 * KiB };
    memset(alternate.ss_sp, 0x5a, alternate.ss_size);
    SYS(sigaltstack(&alternate, NULL));
    struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };
    SYS(sigaction(SIGSEGV, &action, NULL));
    for (int round = 0; round < 3; round++) {
        settle();
        int signal = sigsetjmp(escape, 1);
        if (signal == 0)
            CHECK(overflow(0) < 0, "the stack has no end");
        CHECK(signal == SIGSEGV, "signal %d", signal);
    }
    return finish("an overflow is caught");
}
