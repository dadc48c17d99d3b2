// A program that makes itself undumpable, as agents for passwords do, keeps its memory.
#include "common.h"
#include <sys/prctl.h>

int main(void)
{
    begin();
    SYS(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    unsigned char *area = map(4 * MiB);
    for (int round = 0; round < 3; round++) {
        fill(area, 4 * MiB, round);
        settle();
        verify(area, 4 * MiB, round, "memory of an undumpable program");
        CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "it became dumpable");
        verify_in_child(area, 4 * MiB, round, "memory of its child");
    }
    return finish("undumpable and whole");
}
