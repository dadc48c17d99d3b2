// Transparent huge pages: sealed in parts, split by munmap, mprotect and fork, collapsed again on request.
#include "common.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

int main(void)
{
    begin();
    size_t huge = 2 * MiB, length = 4 * huge;
    unsigned char *raw = map(length + huge);
    unsigned char *area = (unsigned char *)(((uintptr_t)raw + huge - 1) & -huge);
    (void)madvise(area, length, MADV_HUGEPAGE);
    fill(area, length, 12);
    settle();
    verify(area, length, 12, "huge pages");
    // One small page in use keeps its huge page half clear.
    for (int i = 0; i < 20; i++) {
        fill_from(area + huge, PAGE, 12, huge / 8);
        sleep_milliseconds(setting("TARGET_SETTLE_MS", 1) / 10);
    }
    verify(area, length, 12, "huge pages with a hot spot");
    settle();
    SYS(mprotect(area + huge + 16 * PAGE, 16 * PAGE, PROT_READ));
    SYS(madvise(area + 2 * huge + 5 * PAGE, 100 * PAGE, MADV_DONTNEED));
    verify_zero(area + 2 * huge + 5 * PAGE, 100 * PAGE, "discarded part of a huge page");
    pid_t child = SYS(fork());
    if (child == 0) {
        verify(area, 2 * huge, 12, "huge pages in a child");
        fill(area, huge, 13);
        settle();
        verify(area, huge, 13, "huge pages written by a child");
        _exit(0);
    }
    verify(area, 2 * huge, 12, "huge pages of the parent");
    reap_good(child, "a child");
    (void)madvise(area, huge, MADV_COLLAPSE);
    verify(area, 2 * huge, 12, "huge pages after a collapse");
    settle();
    (void)madvise(area + 3 * huge, huge, MADV_COLLAPSE);
    verify_from(area + 3 * huge, huge, 12, 3 * huge / 8, "a huge page collapsed from sealed pages");
    SYS(munmap(area + 7 * PAGE, PAGE));
    verify_from(area + 8 * PAGE, huge - 8 * PAGE, 12, 8 * (PAGE / 8), "a huge page with a hole");
    return finish("huge pages hold");
}
