// MADV_WIPEONFORK and MADV_DONTFORK: a child finds zeros, or nothing, where its parent has sealed bytes.
#include "common.h"
#include <setjmp.h>

enum { Pages = 128 };
static sigjmp_buf escape;

static void on_fault(int signal)
{
    siglongjmp(escape, signal);
}

int main(void)
{
    begin();
    signal(SIGSEGV, on_fault);
    unsigned char *wiped = map(Pages * PAGE), *kept_back = map(Pages * PAGE), *plain = map(Pages * PAGE);
    SYS(madvise(wiped + PAGE, (Pages - 2) * PAGE, MADV_WIPEONFORK));
    SYS(madvise(kept_back + PAGE, (Pages - 2) * PAGE, MADV_DONTFORK));
    for (int round = 0; round < 4; round++) {
        fill(wiped, Pages * PAGE, 1), fill(kept_back, Pages * PAGE, 2), fill(plain, Pages * PAGE, 3);
        if (round % 2)
            settle();
        pid_t child = SYS(fork());
        if (child == 0) {
            if (round > 1)
                settle();
            verify_zero(wiped + PAGE, (Pages - 2) * PAGE, "memory to be wiped on fork");
            verify(wiped, PAGE, 1, "the page before wiped memory");
            verify(plain, Pages * PAGE, 3, "plain memory");
            for (int page = 1; page < Pages - 1; page += 9)
                if (sigsetjmp(escape, 1) == 0)
                    fail("page %d came over, %d there", page, *(volatile unsigned char *)(kept_back + page * PAGE));
            fill(wiped, Pages * PAGE, 4);
            pid_t grandchild = SYS(fork());
            if (grandchild == 0) {
                verify_zero(wiped + PAGE, (Pages - 2) * PAGE, "memory wiped for a grandchild");
                _exit(0);
            }
            reap_good(grandchild, "a grandchild");
            verify(wiped, Pages * PAGE, 4, "a child's own bytes in such memory");
            _exit(0);
        }
        reap_good(child, "a child");
        verify(wiped, Pages * PAGE, 1, "the parent's bytes");
        verify(kept_back, Pages * PAGE, 2, "what was kept back");
    }
    SYS(madvise(kept_back, Pages * PAGE, MADV_DOFORK));
    SYS(madvise(wiped, Pages * PAGE, MADV_KEEPONFORK));
    settle();
    pid_t child = SYS(fork());
    if (child == 0) {
        verify(kept_back, Pages * PAGE, 2, "memory no longer kept back");
        verify(wiped, Pages * PAGE, 1, "memory no longer wiped");
        _exit(0);
    }
    reap_good(child, "the last child");
    return finish("advice was followed");
}
