// Locked memory that mremap makes longer by moving it: the kernel fills the new part inside the call.
#include "common.h"

enum { Pages = 400, Rounds = 16 };

static unsigned char *grow(unsigned char *area, size_t from, size_t to)
{
    // A wall behind it forces the move.
    (void)mmap(area + from, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0); // EEXIST: there is one
    unsigned char *moved = (void *)SYS(mremap(area, from, to - 100, MREMAP_MAYMOVE)); // the kernel rounds up
    verify(moved, from, 5, "locked memory that was moved");
    verify_zero(moved + from, to - from, "the new part of locked memory");
    return moved;
}

static int is_resident(unsigned char *area, size_t length)
{
    unsigned char resident[Pages];
    SYS(mincore(area, length, resident));
    return memchr(resident, 0, length / PAGE) == NULL;
}

int main(void)
{
    begin();
    size_t length = Pages * PAGE;
    unsigned char *area = map(length + PAGE);
    fill(area, length + PAGE, 5);
    for (int i = 0; i < 20 && is_resident(area + 10 * PAGE, length - 10 * PAGE); i++)
        settle();
    SYS(mlock(area, length));
    for (int round = 0; round < Rounds; round++) {
        area = grow(area, length, length + 100 * PAGE);
        length += 100 * PAGE;
        fill(area, length, 5);
        if (round % 8 == 1)
            settle();
    }
    SYS(munlock(area, length));
    settle();
    verify(area, length, 5, "unlocked memory");
    return finish("locked memory grew");
}
