// Processes that fill fresh memory without end, so that more than the window is always waiting to be sealed, while another needs its sealed
// pages back.
// run: window=1M idle=10ms
#include "common.h"
#include <sys/prctl.h>

enum { Pages = 256, Rounds = 3, FreshBytes = 64 * MiB, Fillers = 3 };

static void fill_without_end(uint64_t content)
{
    SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
    for (;; content++) {
        unsigned char *fresh = map(FreshBytes);
        fill(fresh, FreshBytes, content);
        verify(fresh, Pages * PAGE, content, "fresh memory");
        SYS(munmap(fresh, FreshBytes));
    }
}

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 0);
    settle();
    pid_t fillers[Fillers];
    for (size_t i = 0; i < COUNT(fillers); i++) {
        fillers[i] = SYS(fork());
        if (fillers[i] == 0)
            fill_without_end((i + 1) << 32);
    }
    for (uint64_t round = 0; round < Rounds; round++) {
        settle();
        verify(area, Pages * PAGE, round, "a page that came back beside fresh ones");
        fill(area, Pages * PAGE, round + 1);
    }
    for (size_t i = 0; i < COUNT(fillers); i++)
        end_child(fillers[i]);
    return finish("pages came back beside fresh ones");
}
