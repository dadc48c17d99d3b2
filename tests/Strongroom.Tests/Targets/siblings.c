// In one tree: a child with marked memory, and another that runs the attacker given, then searches all of its own
// memory for the mark. Neither may find what is the other's.
#include "common.h"

static void victim(int ready, int until)
{
    unsigned char *area = map(8 * MiB);
    uint64_t *words = (void *)area;
    for (size_t i = 0; i < MiB; i++)
        words[i] = i % 2 ? 0x7365637265746d61ull ^ 0x1111111111111111ull : 0x726b6f6676696374ull ^ 0x1111111111111111ull;
    for (size_t i = 0; i < MiB; i++)
        words[i] ^= 0x1111111111111111ull;      // Only now is it the mark: the constants above are not.
    (void)!write(ready, "r", 1);
    char byte;
    (void)!read(until, &byte, 1);
    for (size_t i = 0; i < MiB; i++)
        CHECK((words[i] ^ 0x1111111111111111ull)
                == (i % 2 ? 0x7365637265746d61ull ^ 0x1111111111111111ull : 0x726b6f6676696374ull ^ 0x1111111111111111ull),
            "the victim's memory changed");
    _exit(0);
}

int main(int argc, char **argv)
{
    CHECK(argc > 1, "usage: siblings ATTACKER [ARG...]");
    int ready[2], until[2];
    SYS(pipe(ready)), SYS(pipe(until));
    pid_t held = SYS(fork());
    if (held == 0) {
        close(until[1]);
        victim(ready[1], until[0]);
    }
    char byte;
    SYS(read(ready[0], &byte, 1));
    settle();
    pid_t attacker = SYS(fork());
    if (attacker == 0) {
        close(until[1]);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    SYS(waitpid(attacker, &status, 0));
    SYS(close(until[1]));
    reap_good(held, "the victim");
    printf("the victim is whole\n");
    return 0;
}
