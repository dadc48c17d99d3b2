// munmap of the head, the tail and the middle of sealed memory: the rest keeps its bytes, the hole is a hole.
#include "common.h"
#include <setjmp.h>

enum { Pages = 256 };
static sigjmp_buf escape;

static void on_fault(int signal)
{
    siglongjmp(escape, signal);
}

static bool is_hole(const unsigned char *p)
{
    if (sigsetjmp(escape, 1))
        return true;
    (void)*(volatile const unsigned char *)p;
    return false;
}

int main(void)
{
    begin();
    signal(SIGSEGV, on_fault);
    for (int round = 0; round < 6; round++) {
        unsigned char *area = map(Pages * PAGE);
        fill(area, Pages * PAGE, round);
        if (round % 2 == 0)
            settle();
        static const struct { int first, count; } holes[] = { { 0, 16 }, { 200, 56 }, { 64, 1 }, { 100, 30 } };
        for (size_t i = 0; i < COUNT(holes); i++)
            SYS(munmap(area + holes[i].first * PAGE, holes[i].count * PAGE));
        if (round % 3 == 0)
            settle();
        for (int page = 0; page < Pages; page++) {
            bool hole = false;
            for (size_t i = 0; i < COUNT(holes); i++)
                hole |= page >= holes[i].first && page < holes[i].first + holes[i].count;
            CHECK(is_hole(area + page * PAGE) == hole, "page %d of round %d: hole expected: %d", page, round, hole);
            if (!hole)
                verify_from(area + page * PAGE, PAGE, round, page * (PAGE / 8), "a page between holes");
        }
        // The same addresses, mapped again, are fresh memory.
        for (size_t i = 0; i < COUNT(holes); i++) {
            unsigned char *p = (void *)SYS(mmap(area + holes[i].first * PAGE, holes[i].count * PAGE,
                PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
            verify_zero(p, holes[i].count * PAGE, "a hole mapped again");
        }
        SYS(munmap(area, Pages * PAGE));
    }
    return finish("holes are holes");
}
