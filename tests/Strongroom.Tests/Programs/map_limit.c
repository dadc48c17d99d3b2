// A process with as many mappings as it may have (vm.max_map_count) works on in memory that is sealed and opened.
#include "common.h"

enum { Rounds = 3, MostMappings = 1 << 20 };

int main(void)
{
    begin();
    unsigned char *memory = map(BallastPages * PAGE);
    fill(memory, BallastPages * PAGE, 5);
    settle();

    // Neighbours with other rights stay mappings of their own.
    unsigned char *reserved = map_with(MostMappings * PAGE, PROT_NONE, MAP_NORESERVE);
    size_t made = 0;
    while (made < MostMappings && mprotect(reserved + made * PAGE, PAGE, PROT_READ) == 0)
        made += 2;
    CHECK(errno == ENOMEM, "mprotect: %s", strerror(errno));
    for (int i = 0; mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; i++)
        ; // a split takes two at once: the very last one

    for (int round = 0; round < Rounds; round++) {
        settle();
        verify(memory, BallastPages * PAGE, 5 + round, "memory at the limit of mappings");
        fill(memory, BallastPages * PAGE, 6 + round);
    }
    SYS(munmap(reserved, MostMappings * PAGE));
    return finish("worked at the limit of mappings");
}
