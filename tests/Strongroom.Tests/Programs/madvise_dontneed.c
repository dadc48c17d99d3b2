// MADV_DONTNEED: the pages read zero afterwards, in every state, every time; their neighbours keep their bytes.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    for (int round = 0; round < 24; round++) {
        fill(area, Pages * PAGE, round);
        if (round % 3 == 0)
            settle();
        size_t first = round * 7 % 100, count = 20 + round * 5;
        SYS(madvise(area + first * PAGE, count * PAGE, MADV_DONTNEED));
        if (round % 5 == 0)
            settle();
        verify_zero(area + first * PAGE, count * PAGE, "pages that were given back");
        verify(area, first * PAGE, round, "the pages before");
        verify_from(area + (first + count) * PAGE, (Pages - first - count) * PAGE, round,
            (first + count) * (PAGE / 8), "the pages behind");
        area[first * PAGE] = 1;
        SYS(madvise(area, Pages * PAGE, MADV_DONTNEED));
        verify_zero(area, Pages * PAGE, "everything given back");
    }
    return finish("given back is zero");
}
