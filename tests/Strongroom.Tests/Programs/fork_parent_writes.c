// The parent writes while its children, forked with sealed pages, only read; and the reverse.
#include "common.h"

enum { Pages = 512, Children = 8 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 1);
    settle();
    pid_t children[Children];
    int gate[2];
    SYS(pipe(gate));
    for (int i = 0; i < Children; i++) {
        children[i] = SYS(fork());
        if (children[i] == 0) {
            char byte;
            SYS(close(gate[1]));
            if (i % 2 == 0)
                CHECK(read(gate[0], &byte, 1) == 0, "the gate");
            verify(area, Pages * PAGE, i + 1, "memory as it was at the fork");
            if (i % 2 == 1)
                fill(area, Pages * PAGE, 9999);
            _exit(0);
        }
        fill(area, Pages * PAGE, i + 2);
        if (i == 3)
            settle();
    }
    settle();
    SYS(close(gate[1]));
    for (int i = 0; i < Children; i++)
        reap_good(children[i], "a reading child");
    verify(area, Pages * PAGE, Children + 1, "the parent's own memory");
    return finish("children saw the moment of their fork");
}
