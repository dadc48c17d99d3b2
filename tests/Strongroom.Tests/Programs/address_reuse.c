// Threads unmap, map and move at the same addresses without pause: a new mapping never shows an old one's bytes.
// run: cflags=-pthread timeout=90
#include "common.h"

enum { Threads = 4, Slot = 32, Rounds = 400 };
static unsigned char *space;

static void *work(void *argument)
{
    long self = (long)argument;
    unsigned char *slot = space + self * Slot * PAGE;
    uint64_t random = self + 1;
    for (uint64_t round = 0; round < Rounds; round++) {
        random = mix(random + round);
        unsigned char *p = (void *)SYS(mmap(slot, Slot * PAGE, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        if (random % 4)
            verify_zero(p, Slot * PAGE, "a new mapping at an old address");
        fill(p, Slot * PAGE, random);
        if (random % 64 == 1)
            settle();
        switch (random / 64 % 4) {
        case 0:
            SYS(munmap(p + 4 * PAGE, 8 * PAGE));
            SYS(mmap(p + 4 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
            verify_zero(p + 4 * PAGE, 8 * PAGE, "a hole that was filled");
            break;
        case 1:
            SYS(mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 16 * PAGE));
            verify(p + 16 * PAGE, 8 * PAGE, random, "pages moved within the slot");
            SYS(mmap(p, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
            verify_zero(p, 8 * PAGE, "the place that pages were moved from");
            break;
        case 2:
            SYS(madvise(p, 16 * PAGE, MADV_DONTNEED));
            verify_zero(p, 16 * PAGE, "pages that were given back");
            break;
        default:
            verify(p, Slot * PAGE, random, "a mapping in use");
        }
        verify_from(p + 28 * PAGE, 4 * PAGE, random, 28 * (PAGE / 8), "the end of the slot");
    }
    return NULL;
}

int main(void)
{
    begin();
    space = map_with(Threads * Slot * PAGE, PROT_NONE, MAP_NORESERVE);
    pthread_t threads[Threads];
    for (long i = 0; i < Threads; i++)
        threads[i] = spawn(work, (void *)i);
    for (int i = 0; i < Threads; i++)
        join(threads[i]);
    return finish("addresses were reused");
}
