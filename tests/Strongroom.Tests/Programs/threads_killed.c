// run: cflags=-pthread
// Programs of several threads are killed, or replaced by another program from one of the threads, at any moment of their start.
#include "common.h"
enum { Rounds = 150, Others = 3 };

static void be_victim(long delay)
{
    for (int i = 0; i < Others; i++)
        spawn(wait_for_ever, NULL);
    if (delay)
        spawn(execute_true, (void *)delay);
    volatile unsigned char *area = map(4 * MiB);
    for (size_t at = 0;; at = (at + PAGE) % (4 * MiB))
        area[at]++;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        be_victim(atol(argv[1]));
    begin();
    for (int round = 0; round < Rounds; round++) {
        bool executes = round & 1;
        long delay = 500 + mix(round) % 20000;
        char text[16];
        sprintf(text, "%ld", executes ? delay : 0);
        pid_t child = SYS(fork());
        if (child == 0) {
            execl("/proc/self/exe", "victim", text, NULL);
            fail("execl: %s", strerror(errno));
        }
        if (!executes) {
            usleep(delay);
            SYS(kill(child, SIGKILL));
        }
        int status;
        CHECK(SYS(waitpid(child, &status, 0)) == child, "the wrong child");
        CHECK(status == (executes ? 0 : SIGKILL), "round %d ended with %x", round, status);
    }
    return finish("each ended as it should");
}
