// mseal: a mapping that nobody may unmap, move or protect still holds its bytes (or the kernel has no such call).
#include "common.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

enum { Pages = 128 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 1);
    settle();
    if (syscall(SYS_mseal, area, Pages * PAGE, 0) == 0) {
        CHECK(munmap(area, PAGE) == -1 && errno == EPERM, "munmap of a sealed mapping");
        CHECK(mprotect(area, PAGE, PROT_NONE) == -1 && errno == EPERM, "mprotect of a sealed mapping");
    }
    for (int round = 1; round < 4; round++) {
        verify(area, Pages * PAGE, round, "a mapping under mseal");
        fill(area, Pages * PAGE, round + 1);
        settle();
    }
    pid_t child = SYS(fork());
    if (child == 0) {
        verify(area, Pages * PAGE, 4, "a child's mapping under mseal");
        _exit(0);
    }
    reap_good(child, "a child");
    return finish("mseal and memory");
}
