// mremap grows and shrinks in place and by moving; new pages read zero, old ones keep their bytes.
#include "common.h"

int main(void)
{
    begin();
    size_t length = 64 * PAGE, kept = length;
    unsigned char *area = map(length);
    fill(area, length, 8);
    for (int round = 0; round < 12; round++) {
        if (round % 3 == 0)
            settle();
        size_t wanted = round % 4 == 3 ? length / 2 : length + (64 + round * 16) * PAGE;
        area = (void *)SYS(mremap(area, length, wanted, MREMAP_MAYMOVE));
        if (wanted < kept)
            kept = wanted;
        length = wanted;
        verify(area, kept, 8, "bytes from before mremap");
        verify_zero(area + kept, length - kept, "pages that mremap added");
        if (round % 2 == 1) {
            fill(area, length, 8);
            kept = length;
        }
    }
    // In place: room is made behind the mapping first, and a grown-and-shrunk tail must read zero again.
    unsigned char *room = map(512 * PAGE);
    SYS(munmap(room + 256 * PAGE, 256 * PAGE));
    fill(room, 256 * PAGE, 9);
    settle();
    SYS(mremap(room, 256 * PAGE, 128 * PAGE, 0));
    unsigned char *same = (void *)SYS(mremap(room, 128 * PAGE, 512 * PAGE, 0));
    CHECK(same == room, "mremap without MAYMOVE moved");
    verify(room, 128 * PAGE, 9, "the kept half");
    verify_zero(room + 128 * PAGE, 384 * PAGE, "the half that was cut off and mapped again");
    return finish("mremap grew and shrank");
}
