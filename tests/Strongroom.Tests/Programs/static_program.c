// A static program, not position independent, without a dynamic linker.
// run: cflags=-static,-no-pie
#include "common.h"

static unsigned char bss[4 << 20];

int main(void)
{
    begin();
    for (int round = 0; round < 3; round++) {
        fill(bss, sizeof bss, round);
        void *heap = malloc(300000);
        memset(heap, round, 300000);
        settle();
        verify(bss, sizeof bss, round, "the bss");
        for (int i = 0; i < 300000; i++)
            CHECK(((unsigned char *)heap)[i] == round, "the heap");
        free(heap);
    }
    return finish("a static program");
}
