// Reservations of terabytes, sparsely touched, cost what is touched and keep it.
#include "common.h"

int main(void)
{
    begin();
    enum { Touches = 400 };
    size_t length = 8192 * GiB;
    unsigned char *space = map_with(length, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    unsigned char *reserved = map_with(length, PROT_NONE, MAP_NORESERVE);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < Touches; i++) {
            unsigned char *page = space + mix(i) % (length / PAGE) * PAGE;
            if (round > 0)
                verify(page, PAGE, i * 10 + round - 1, "a page in a great reservation");
            fill(page, PAGE, i * 10 + round);
        }
        settle();
    }
    SYS(mprotect(reserved + length / 2, 64 * PAGE, PROT_READ | PROT_WRITE));
    fill(reserved + length / 2, 64 * PAGE, 4);
    settle();
    verify(reserved + length / 2, 64 * PAGE, 4, "the opened part of a reservation");
    for (uint64_t i = 0; i < Touches; i++)
        verify(space + mix(i) % (length / PAGE) * PAGE, PAGE, i * 10 + 2, "a page at the end");
    pid_t child = SYS(fork());
    if (child == 0) {
        for (uint64_t i = 0; i < Touches; i += 9)
            verify(space + mix(i) % (length / PAGE) * PAGE, PAGE, i * 10 + 2, "a page in a child");
        _exit(0);
    }
    reap_good(child, "a child with terabytes");
    SYS(munmap(space, length));
    return finish("terabytes are free");
}
