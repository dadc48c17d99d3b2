// mremap moves sealed memory to another address, onto other mappings, in parts, and back again.
#include "common.h"

enum { Pages = 128 };

int main(void)
{
    begin();
    unsigned char *space = map_with(Pages * PAGE * 8, PROT_NONE, MAP_NORESERVE);
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 1);
    for (int round = 0; round < 16; round++) {
        unsigned char *to = space + (round * 5 % 8) * Pages * PAGE;
        if (round % 4 == 1)
            settle();
        if (round % 4 == 2)     // Onto memory that is in use itself and must vanish.
            fill((void *)SYS(mmap(to, Pages * PAGE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)), Pages * PAGE, 666);
        if (to == area)
            continue;
        unsigned char *at = (void *)SYS(mremap(area, Pages * PAGE, Pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
        CHECK(at == to, "mremap went to %p instead of %p", at, to);
        area = at;
        verify(area, Pages * PAGE, 1, "moved memory");
    }
    // In parts: the pages of odd number go elsewhere one by one, and come back in another order.
    unsigned char *odd = map_with(Pages * PAGE, PROT_NONE, MAP_NORESERVE);
    settle();
    for (int i = 1; i < Pages; i += 2)
        SYS(mremap(area + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, odd + i * PAGE));
    settle();
    for (int i = 0; i < Pages; i++)
        verify_from((i % 2 ? odd : area) + i * PAGE, PAGE, 1, i * (PAGE / 8), "memory moved page by page");
    settle();
    for (int i = Pages - 1; i > 0; i -= 2)
        SYS(mremap(odd + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + i * PAGE));
    verify(area, Pages * PAGE, 1, "memory put together again");
    return finish("mremap moved");
}
