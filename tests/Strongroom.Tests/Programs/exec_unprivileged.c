// A server that was started by root executes its workers as an ordinary user, who may not make a userfaultfd: they are covered all the same.
// run: root
#include "common.h"
#include <grp.h>

int main(int count, char **arguments)
{
    if (count == 1) {
        SYS(setgroups(0, NULL));
        SYS(setresgid(65534, 65534, 65534));
        SYS(setresuid(65534, 65534, 65534));
        execl("/proc/self/exe", arguments[0], "worker", (char *)NULL);
        fail("exec: %s", strerror(errno));
    }
    CHECK(getuid() == 65534 && setuid(0) == -1, "root came back");
    begin();
    unsigned char *area = map(4 * MiB);
    for (int round = 0; round < 3; round++) {
        fill(area, 4 * MiB, round);
        settle();
        verify(area, 4 * MiB, round, "memory of a worker");
        verify_in_child(area, 4 * MiB, round, "memory of a worker's child");
    }
    return finish("the worker worked");
}
