// MREMAP_DONTUNMAP leaves an empty mapping behind: zero pages that belong to nobody else.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    for (uint64_t round = 0; round < 6; round++) {
        fill(area, Pages * PAGE, round);
        if (round % 2 == 0)
            settle();
        unsigned char *moved =
            (void *)SYS(mremap(area, Pages * PAGE, Pages * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
        CHECK(moved != area, "mremap did not move");
        if (round % 3 == 1)
            settle();
        verify_zero(area, Pages * PAGE, "the mapping left behind");
        verify(moved, Pages * PAGE, round, "the moved pages");
        fill(area, Pages * PAGE, 1000 + round);
        settle();
        verify(moved, Pages * PAGE, round, "the moved pages beside new ones");
        verify(area, Pages * PAGE, 1000 + round, "new pages in the mapping left behind");
        SYS(munmap(moved, Pages * PAGE));
    }
    return finish("the old place was empty");
}
