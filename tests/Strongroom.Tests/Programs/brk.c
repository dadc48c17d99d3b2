// The heap of brk grows, shrinks and grows again; what comes back is zero.
#include "common.h"

int main(void)
{
    begin();
    unsigned char *start = sbrk(0);
    start = (unsigned char *)(((uintptr_t)start + PAGE - 1) & -PAGE);
    SYS(brk(start));
    for (int round = 0; round < 8; round++) {
        SYS(brk(start + 512 * PAGE));
        size_t kept = round == 0 ? 0 : 64 + round * 16;
        if (round > 0)
            verify(start, (64 + round * 16) * PAGE, round - 1, "the kept part of the heap");
        verify_zero(start + kept * PAGE, (512 - kept) * PAGE, "the heap grown again");
        fill(start, 512 * PAGE, round);
        if (round % 2 == 0)
            settle();
        SYS(brk(start + (64 + (round + 1) * 16) * PAGE));
        if (round % 3 == 0)
            settle();
        SYS(brk(start + 256 * PAGE));
        size_t shrunk = 64 + (round + 1) * 16;
        verify_zero(start + shrunk * PAGE, (256 - shrunk) * PAGE, "the heap after it shrank and grew");
        SYS(brk(start + shrunk * PAGE));
    }
    return finish("the heap breathes");
}
