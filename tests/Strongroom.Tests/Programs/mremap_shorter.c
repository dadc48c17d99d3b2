// Mappings that are moved and made shorter at once, to right before other memory that is sealed: each keeps its own. (Before Linux 6.15 the kernel
// reports the length that was.)
// run: window=1M idle=10ms
#include "common.h"

enum { Rounds = 6 };

static void move_before(size_t from_pages, size_t to_pages, size_t neighbour_pages, uint64_t seed)
{
    unsigned char *area = map(from_pages * PAGE);
    unsigned char *room = map((to_pages + neighbour_pages) * PAGE), *neighbour = room + to_pages * PAGE;
    SYS(munmap(room, to_pages * PAGE));
    fill(area, from_pages * PAGE, seed);
    fill(neighbour, neighbour_pages * PAGE, seed + 1);
    settle();
    SYS(mremap(area, from_pages * PAGE, to_pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room));
    unsigned char *fresh = map(from_pages * PAGE); // where the area was, mostly
    fill(fresh, from_pages * PAGE, seed + 2);
    if (seed % 2)
        settle();
    verify(neighbour, neighbour_pages * PAGE, seed + 1, "the memory behind");
    verify(room, to_pages * PAGE, seed, "the memory that moved");
    verify(fresh, from_pages * PAGE, seed + 2, "memory mapped since");
    SYS(munmap(room, (to_pages + neighbour_pages) * PAGE));
    SYS(munmap(fresh, from_pages * PAGE));
}

int main(void)
{
    begin();
    for (uint64_t round = 0; round < Rounds; round++) {
        move_before(1000, 300, 2000, round * 16);
        move_before(600, 599, 600, round * 16 + 1);
        move_before(1000, 1, 10, round * 16 + 2);
    }
    return finish("shorter mappings");
}
