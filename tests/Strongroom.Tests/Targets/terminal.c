// terminal PROGRAM [ARG...]: runs a program on a terminal of its own, and types what standard input says, once the
// program has written "ready". What appears on the terminal goes to standard output; the exit status is passed on.
// run: cflags=-lutil
#include "common.h"
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

int main(int argc, char **argv)
{
    CHECK(argc > 1, "usage: terminal PROGRAM [ARG...]");
    struct winsize size = { .ws_row = 30, .ws_col = 100 };
    int screen;
    pid_t child = forkpty(&screen, NULL, NULL, &size);
    if (child == 0) {
        execv(argv[1], argv + 1);
        _exit(127);
    }
    static char seen[1 << 16];
    size_t used = 0;
    bool typed = false;
    ssize_t n;
    while (used < sizeof seen - 1 && (n = read(screen, seen + used, sizeof seen - 1 - used)) > 0) {
        (void)!write(1, seen + used, n);
        used += n;
        char keys[64];
        if (!typed && strstr(seen, "ready")) {
            ssize_t k = read(0, keys, sizeof keys);
            sleep_milliseconds(setting("TARGET_SETTLE_MS", 20));
            for (ssize_t i = 0; i < k; i++)
                (void)!write(screen, keys + i, 1);
            typed = true;
        }
    }
    int status;
    SYS(waitpid(child, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
