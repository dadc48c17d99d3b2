// MADV_FREE: afterwards a page is whole and old, or zero, and never anything else; once written it stays.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    for (int round = 0; round < 8; round++) {
        fill(area, Pages * PAGE, round);
        if (round % 2 == 0)
            settle();
        SYS(madvise(area, Pages * PAGE, MADV_FREE));
        if (round % 3 == 0)
            settle();
        for (size_t page = 0; page < Pages; page++) {
            uint64_t first = *(volatile uint64_t *)(area + page * PAGE);
            if (first == 0)
                verify_zero(area + page * PAGE, PAGE, "a page that was freed");
            else
                verify_from(area + page * PAGE, PAGE, round, page * (PAGE / 8), "a page not freed yet");
        }
        for (size_t page = 0; page < Pages; page += 2)
            fill(area + page * PAGE, PAGE, 500 + page);
        settle();
        for (size_t page = 0; page < Pages; page += 2)
            verify(area + page * PAGE, PAGE, 500 + page, "a page written after MADV_FREE");
    }
    return finish("freed is old or zero");
}
