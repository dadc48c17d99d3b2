// A full descriptor table, and a limit of zero descriptors, in a program that goes on using and forking its memory.
#include "common.h"
#include <sys/resource.h>

int main(void)
{
    struct rlimit limit = { 64, 64 };
    SYS(setrlimit(RLIMIT_NOFILE, &limit));
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    CHECK(errno == EMFILE, "%s", strerror(errno));
    begin();
    unsigned char *area = map(4 * MiB);
    for (int round = 0; round < 4; round++) {
        fill(area, 4 * MiB, round);
        settle();
        verify(area, 4 * MiB, round, "memory with a full table");
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(area, 4 * MiB, round, "memory of a child with a full table");
            fill(area, 4 * MiB, round + 100);
            settle();
            verify(area, 4 * MiB, round + 100, "memory written by a child with a full table");
            _exit(0);
        }
        reap_good(child, "a child");
        limit = (struct rlimit){ 0, 0 };
        SYS(setrlimit(RLIMIT_NOFILE, &limit));
    }
    return finish("a full table does no harm");
}
