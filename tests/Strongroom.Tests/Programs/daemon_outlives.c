// The first program ends while its daemon still works: the daemon is right, and its word reaches the same output.
// run: exit=3
#include "common.h"

int main(void)
{
    begin();
    unsigned char *area = map(2 * MiB);
    fill(area, 2 * MiB, 21);
    settle();
    pid_t first = SYS(fork());
    if (first > 0) {
        reap_good(first, "the first fork");
        return 3;
    }
    SYS(setsid());
    if (SYS(fork()) > 0)
        _exit(0);
    for (int i = 0; i < 3; i++) {
        settle();
        verify(area, 2 * MiB, 21 + i, "the memory of a daemon on its own");
        fill(area, 2 * MiB, 22 + i);
    }
    return finish("the daemon outlived its parent");
}
