// The stack grows by deep recursion, is left idle, and every frame finds its values on the way back.
#include "common.h"
#include <sys/resource.h>

static uint64_t descend(int depth)
{
    volatile uint64_t frame[512];
    for (int i = 0; i < 512; i += 61)
        frame[i] = word_at(depth, i);
    uint64_t below = depth > 0 ? descend(depth - 1) : (settle(), settle(), 0);
    for (int i = 0; i < 512; i += 61)
        CHECK(frame[i] == word_at(depth, i), "a frame at depth %d changed", depth);
    return below + frame[61] % 7;
}

int main(void)
{
    begin();
    uint64_t first = 0;
    for (int round = 0; round < 3; round++) {
        uint64_t sum = descend(1500);
        CHECK(round == 0 || sum == first, "the sums differ");
        first = sum;
    }
    return finish("the stack grew and kept its frames");
}
