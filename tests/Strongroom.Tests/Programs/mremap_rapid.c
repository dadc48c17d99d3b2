// Mappings that move to where another was mapped a moment ago, move on at once and leave a mapping behind that is unmapped, faster than
// the pager looks: each page comes along, and none is left divided by a registration. In several processes at once, of which half use mappings
// so small that most are new.
// run: window=1M idle=10ms
#include "common.h"

enum { Processes = 4, MostPages = 4096, FewPages = 256 };

// Another thread might take the hole, so this is for processes of one.
static unsigned char *move_to_hole(unsigned char *from, size_t before, size_t after)
{
    unsigned char *hole = map(after + PAGE);
    SYS(munmap(hole, after + PAGE));
    return (void *)SYS(mremap(from, before, after, MREMAP_MAYMOVE | MREMAP_FIXED, hole));
}

static unsigned char *move(unsigned char *from, size_t before, size_t after, bool toHole)
{
    unsigned char *moved =
        toHole ? move_to_hole(from, before, after) : (void *)SYS(mremap(from, before, after, MREMAP_MAYMOVE));
    unsigned char *again = (void *)SYS(mremap(moved, after, after, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
    SYS(munmap(moved, after));
    return again;
}

static void shrink_and_grow(uint64_t seed, size_t pages)
{
    uint64_t content = mix(seed);
    size_t size = pages * PAGE;
    unsigned char *area = map(size);
    fill(area, size, content);
    for (size_t next = size / 2; next >= PAGE; size = next, next /= 2) {
        area = move(area, size, next, mix(content ^ next) & 1);
        verify(area, next, content, "pages that moved");
    }
    for (size_t next = 2 * PAGE; next <= pages * PAGE; size = next, next *= 2) {
        area = move(area, size, next, mix(content ^ ~next) & 1);
        verify(area, PAGE, content, "the page that moved with growth");
    }
    SYS(munmap(area, size));
}

int main(void)
{
    begin();
    double end = seconds() + 2;
    pid_t children[Processes];
    for (uint64_t i = 0; i < Processes; i++) {
        children[i] = SYS(fork());
        if (children[i] == 0) {
            for (uint64_t round = 0; seconds() < end; round++)
                shrink_and_grow(i << 32 | round, i % 2 ? MostPages : FewPages);
            _exit(0);
        }
    }
    for (size_t i = 0; i < COUNT(children); i++)
        reap_good(children[i], "a process that moves its memory");
    return finish("every page came along");
}
