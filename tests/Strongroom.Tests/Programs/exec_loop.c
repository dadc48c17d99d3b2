// One process goes through many programs; the status of a failed exec leaves the memory as it was.
#include "common.h"

int main(int argc, char **argv)
{
    int round = argc > 1 ? atoi(argv[1]) : 0;
    begin();
    if (round < 40) {
        char next[16];
        snprintf(next, sizeof next, "%d", round + 1);
        if (round % 10 == 0) {
            settle();
            CHECK(execl("/nonexistent", "x", (char *)NULL) == -1 && errno == ENOENT, "exec of nothing");
            CHECK(execl("/dev/null", "x", (char *)NULL) == -1 && errno == EACCES, "exec of a device");
            verify(ballast, BallastPages * PAGE, 0xba11a57, "memory after a failed exec");
        }
        execl("/proc/self/exe", argv[0], next, (char *)NULL);
        fail("exec: %s", strerror(errno));
    }
    return finish("forty programs in one process");
}
