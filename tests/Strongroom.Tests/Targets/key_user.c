// Uses keys of its own: shows some and waits, or changes memory for ever.
#include "../KeyPrograms/keys.h"

int main(int argc, char **argv)
{
    (void)argv;
    int32_t one = SYS(add("one", CPU_KEY)), two = SYS(add("two", USER_KEY));
    unsigned char *area = map(4 * MiB);
    SYS(encrypt_mprotect(area, 2 * MiB, RW, one));
    SYS(encrypt_mprotect(area + MiB / 2, MiB / 2, RW, two));
    fill(area, 4 * MiB, 1);
    printf("area %lx\n", (unsigned long)area);
    fflush(stdout);
    if (argc == 1) {
        getchar();
        verify(area, 4 * MiB, 1, "memory under keys");
        return 0;
    }
    for (;;) {
        memset(area, 1, MiB);
        SYS(encrypt_mprotect(area, MiB, RW, one));
        SYS(encrypt_mprotect(area, MiB, RW, two));
        SYS(add("three", CPU_KEY)); // one that nothing uses: it can be replaced
    }
}
