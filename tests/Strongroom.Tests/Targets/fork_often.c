// Holds memory that each fork shares anew with a child, and forks without end for some seconds.
#include "common.h"

enum { Pages = 16384, Seconds = 5 };

int main(void)
{
    unsigned char *memory = map(Pages * PAGE);
    SYS(madvise(memory, Pages * PAGE, MADV_NOHUGEPAGE)); // page by page is shared, and copied
    memset(memory, 5, Pages * PAGE); // fast: the forks begin before anybody has seen the memory
    for (double end = seconds() + Seconds; seconds() < end;) {
        pid_t child = SYS(fork());
        if (child == 0)
            _exit(0);
        reap_good(child, "a child");
    }
    for (size_t i = 0; i < Pages * PAGE; i++)
        CHECK(memory[i] == 5, "byte %zu is %d instead of 5", i, memory[i]);
    printf("forked\n");
    return 0;
}
