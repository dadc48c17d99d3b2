// A program kills whatever is its child, as `pkill -9 -P $$` does at the end of many a script, and goes on.
// run: window=1M idle=10ms
#include "common.h"

static int children(pid_t *found, int most)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *list = fopen(path, "r");
    CHECK(list, "%s: %s", path, strerror(errno));
    while (count < most && fscanf(list, "%d", &found[count]) == 1)
        count++;
    fclose(list);
    return count;
}

int main(void)
{
    begin();
    unsigned char *area = map(4 * MiB);
    fill(area, 4 * MiB, 1);
    for (int round = 0; round < 6; round++) {
        settle();
        pid_t child = SYS(fork()), found[8];
        if (child == 0)
            for (;;)
                pause();
        int count = children(found, COUNT(found)), status;
        CHECK(count >= 1, "no child is listed");
        for (int i = 0; i < count; i++) {
            SYS(kill(found[i], SIGSTOP));
            SYS(kill(found[i], SIGKILL));
        }
        CHECK(SYS(waitpid(-1, &status, 0)) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended with %x", status);
        verify(area, 4 * MiB, 1 + round, "memory after all children were killed");
        fill(area, 4 * MiB, 2 + round);
    }
    return finish("only children were killed");
}
