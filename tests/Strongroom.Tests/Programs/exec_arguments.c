// Arguments and environment of an exec are read by the kernel from memory that may be sealed.
#include "common.h"

enum { Arguments = 300 };

int main(int argc, char **argv)
{
    if (argc > 1) {
        begin();
        CHECK(argc == Arguments + 1, "%d arguments arrived", argc);
        for (int i = 1; i <= Arguments; i++) {
            char wanted[900];
            memset(wanted, 'a' + i % 26, sizeof wanted - 1);
            wanted[800 + i % 99] = 0;
            CHECK(!strcmp(argv[i], wanted), "argument %d arrived damaged", i);
        }
        CHECK(getenv("PLACE") && !strcmp(getenv("PLACE"), "sealed"), "the environment arrived damaged");
        return finish("arguments arrived");
    }
    char (*text)[PAGE] = map((Arguments + 2) * PAGE);
    char **list = map(2 * PAGE), **environment = map(PAGE);
    list[0] = argv[0];
    for (int i = 1; i <= Arguments; i++) {
        memset(text[i], 'a' + i % 26, 899);
        text[i][800 + i % 99] = 0;
        list[i] = text[i];
    }
    strcpy(text[Arguments + 1], "PLACE=sealed");
    environment[0] = text[Arguments + 1];
    size_t used = 1;
    char wait[64];
    snprintf(wait, sizeof wait, "TARGET_SETTLE_MS=%ld", setting("TARGET_SETTLE_MS", 1));
    environment[used++] = wait;
    settle();
    execve("/proc/self/exe", list, environment);
    fail("exec: %s", strerror(errno));
}
