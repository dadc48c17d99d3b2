// MAP_POPULATE and the advice to populate, to cool and to page out meet sealed memory and lose nothing.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    unsigned char *fresh = map_with(Pages * PAGE, PROT_READ | PROT_WRITE, MAP_POPULATE), *area = map(Pages * PAGE);
    verify_zero(fresh, Pages * PAGE, "populated memory");
    static const int advice[] = { MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
        MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL, MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
        MADV_DODUMP };
    for (size_t i = 0; i < COUNT(advice); i++) {
        fill(area, Pages * PAGE, i);
        settle();
        if (madvise(area + 5 * PAGE, (Pages - 10) * PAGE, advice[i]) < 0)
            CHECK(errno == EINVAL, "madvise(%d): %s", advice[i], strerror(errno));
        if (i % 2)
            settle();
        verify(area, Pages * PAGE, i, "memory after advice");
    }
    fill(area, Pages * PAGE, 99);
    settle();
    unsigned char resident[Pages];
    SYS(mincore(area, Pages * PAGE, resident));
    SYS(msync(area, Pages * PAGE, MS_SYNC));
    verify(area, Pages * PAGE, 99, "memory after mincore and msync");
    return finish("advice lost nothing");
}
