// A program that asks for no address randomisation starts itself again and gets it.
#include "common.h"
#include <sys/personality.h>

int main(int argc, char **argv)
{
    begin();
    unsigned char *area = map(MiB);
    if (argc < 2) {
        SYS(personality(ADDR_NO_RANDOMIZE));
        settle();
        execl("/proc/self/exe", argv[0], "again", (char *)NULL);
        fail("exec: %s", strerror(errno));
    }
    CHECK(personality(0xffffffff) & ADDR_NO_RANDOMIZE, "the personality was lost");
    fill(area, MiB, 1);
    settle();
    verify(area, MiB, 1, "memory without randomisation");
    return finish("the personality was kept");
}
