// After a fork parent, child and grandchild write their own copies, of memory in every state, and see no other's.
#include "common.h"

enum { Pages = 1024 };
static unsigned char *area;

static uint64_t seed_of(int generation, size_t page)
{
    // Generation g has rewritten the pages whose number divides by g + 2.
    for (int g = generation; g > 0; g--)
        if (page % (size_t)(g + 2) == 0)
            return g * 100000 + page;
    return page;
}

static void check_all(int generation, const char *what)
{
    for (size_t page = 0; page < Pages; page++)
        verify(area + page * PAGE, PAGE, seed_of(generation, page), what);
}

static void write_own(int generation)
{
    for (size_t page = 0; page < Pages; page += generation + 2)
        fill(area + page * PAGE, PAGE, generation * 100000 + page);
}

static void descend(int generation, int last)
{
    if (generation > last)
        return;
    pid_t child = SYS(fork());
    if (child == 0) {
        check_all(generation - 1, "inherited memory");
        write_own(generation);
        settle();
        descend(generation + 1, last);
        check_all(generation, "a child's own memory");
        verify(ballast, BallastPages * PAGE, 0xba11a57, "idle memory in a child");
        _exit(0);
    }
    check_all(generation - 1, "the parent's memory while the child writes");
    reap_good(child, "a descendant");
    check_all(generation - 1, "the parent's memory after the child ended");
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    for (size_t page = 0; page < Pages; page++)
        fill(area + page * PAGE, PAGE, page);
    descend(1, 3);        // while all of it is clear or in limbo
    settle();
    descend(1, 4);        // when all of it can be sealed
    settle();
    for (size_t page = 0; page < Pages; page += 3)
        verify(area + page * PAGE, PAGE, page, "a page brought back");
    descend(1, 2);        // and a mixture
    return finish("copies were private");
}
