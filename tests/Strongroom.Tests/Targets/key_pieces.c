// Makes keyed memory longer and changes the protection of parts of it, in steps, and waits after each.
#include "../KeyPrograms/keys.h"

static void step(const char *name)
{
    printf("%s\n", name);
    fflush(stdout);
    settle();
    while (getchar() != '\n')
        ;
}

int main(void)
{
    int32_t key = SYS(add("one", CPU_KEY));
    unsigned char *area = map(8 * MiB);
    SYS(munmap(area + MiB, 7 * MiB));
    SYS(encrypt_mprotect(area, MiB, RW, key));
    printf("area %lx\n", (unsigned long)area);
    step("keyed");
    unsigned char *longer = mremap(area, MiB, 2 * MiB, 0);
    CHECK(longer == area, "mremap in place: %s", strerror(errno));
    fill(area, 2 * MiB, 1);
    step("longer");
    verify(area, 2 * MiB, 1, "grown in place");
    longer = mremap(area, 2 * MiB, 4 * MiB, MREMAP_MAYMOVE | MREMAP_FIXED, map(16 * MiB) + 4 * MiB);
    CHECK(longer != MAP_FAILED, "mremap: %s", strerror(errno));
    fill(longer, 4 * MiB, 2);
    step("moved");
    verify(longer, 4 * MiB, 2, "grown and moved");
    for (int i = 1; i < 8; i += 2)
        SYS(mprotect(longer + i * MiB / 2, MiB / 2, PROT_READ));
    step("split");
    SYS(mprotect(longer, 4 * MiB, RW));
    step("joined");
    verify(longer, 4 * MiB, 2, "at the end");
    return 0;
}
