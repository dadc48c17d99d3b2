// A program shuts itself into strict seccomp, where any call but read, write and exit kills it, and uses its memory.
// run: exit=9
#include "common.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>

int main(void)
{
    begin();
    enum { Length = 8 << 20 };
    unsigned char *area = map(Length), *other = map(Length);
    int ends[2];
    SYS(pipe(ends));
    fill(area, Length, 1);
    settle();
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
    verify(area, Length, 1, "memory from before the sandbox");
    fill(area, Length, 2);
    fill(other, Length, 5);
    for (int i = 0; i < 40; i++) {
        verify(other, Length, 5, "memory first used inside the sandbox");
        CHECK(write(ends[1], other + i * 8 * PAGE, 4096) == 4096, "write");
        CHECK(read(ends[0], other + i * 8 * PAGE, 4096) == 4096, "read");
    }
    verify(area, Length, 2, "memory written inside the sandbox");
    static const char text[] = "alive in the sandbox\n";
    (void)!write(1, text, sizeof text - 1);
    syscall(SYS_exit, 9);
}
