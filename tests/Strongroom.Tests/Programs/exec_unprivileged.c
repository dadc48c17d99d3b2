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
    use_in_rounds(area, 4 * MiB, 3, "memory of a worker");
    return finish("the worker worked");
}
