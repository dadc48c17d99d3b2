// A server gives up root for good after it started, and goes on using, mapping and forking its memory.
// run: root
#include "common.h"
#include <grp.h>
#include <sys/prctl.h>

int main(void)
{
    begin();
    unsigned char *area = map(4 * MiB);
    fill(area, 4 * MiB, 1);
    settle();
    SYS(setgroups(0, NULL));
    SYS(setresgid(65534, 65534, 65534));
    SYS(setresuid(65534, 65534, 65534));
    CHECK(setuid(0) == -1, "root came back");
    verify(area, 4 * MiB, 1, "memory after root was given up");
    for (int round = 0; round < 3; round++) {
        fill(area, 4 * MiB, round);
        unsigned char *later = map(MiB);
        fill(later, MiB, round + 50);
        settle();
        verify(area, 4 * MiB, round, "memory of an ordinary user");
        verify(later, MiB, round + 50, "later memory of an ordinary user");
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(area, 4 * MiB, round, "memory of an ordinary user's child");
            if (round == 1)
                SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            fill(area, 4 * MiB, 9);
            settle();
            verify(area, 4 * MiB, 9, "memory written by an ordinary user's child");
            if (round == 2) {
                execl("/bin/true", "true", (char *)NULL);
                fail("exec: %s", strerror(errno));
            }
            _exit(0);
        }
        reap_good(child, "an ordinary user's child");
        SYS(munmap(later, MiB));
    }
    return finish("privileges were dropped");
}
