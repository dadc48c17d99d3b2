// Keys follow memory through fork, mremap and munmap, and end with exec.
#include "keys.h"
enum { Length = 2 << 20 };

int main(int argc, char **argv)
{
    if (argc > 1) {
        unsigned char *fresh = map(Length);
        verify_zero(fresh, Length, "memory after exec");
        return 0;
    }
    begin();
    int32_t key = SYS(add("key", CPU_KEY)), other = SYS(add("other", CPU_KEY));
    unsigned char *area = map_with(4 * Length, PROT_NONE, 0);
    SYS(encrypt_mprotect(area, 4 * Length, RW, key));
    fill(area, 4 * Length, 1);
    settle();
    CASE("a forked child has the same KeyID and contents, and a copy of its own");
    for (int i = 0; i < 4; i++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(area, Length, 1, "the child's copy");
            CHECK(key_id_of(area) == 1, "KeyID %d", key_id_of(area));
            fill(area, Length, 2 + i);
            settle();
            verify(area, Length, 2 + i, "the child's own");
            SYS(encrypt_mprotect(area, Length, RW, other));
            verify_zero(area, Length, "the child's, with another key");
            if (i == 3)
                execl("/proc/self/exe", argv[0], "again", NULL);
            _exit(0);
        }
        reap_good(child, "a child");
        verify(area, Length, 1, "the parent's");
    }

    CASE("mremap keeps KeyID and contents");
    unsigned char *room = map_with(16 * Length, PROT_NONE, 0);
    unsigned char *moved = mremap(area + Length, Length, Length, MREMAP_MAYMOVE | MREMAP_FIXED, room + 4 * Length);
    CHECK(moved != MAP_FAILED, "mremap: %s", strerror(errno));
    verify_from(moved, Length, 1, Length / 8, "moved");
    CHECK(key_id_of(moved) == 1, "KeyID %d", key_id_of(moved));
    settle();
    verify_from(moved, Length, 1, Length / 8, "moved and sealed");
    CASE("mremap that grows, and that shrinks");
    moved = mremap(moved, Length, 2 * Length, MREMAP_MAYMOVE | MREMAP_FIXED, room + 8 * Length);
    CHECK(moved != MAP_FAILED, "mremap: %s", strerror(errno));
    verify_from(moved, Length, 1, Length / 8, "moved and grown");
    verify_zero(moved + Length, Length, "what it grew by");
    moved = mremap(moved, 2 * Length, Length / 2, 0);
    verify_from(moved, Length / 2, 1, Length / 8, "shrunk");

    CASE("new memory in an old place has no key");
    for (int i = 0; i < 20; i++) {
        SYS(munmap(area, Length));
        CHECK(mmap(area, Length, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area, "mmap");
        verify_zero(area, Length, "new memory in an old place");
        CHECK(key_id_of(area) == 0, "KeyID %d", key_id_of(area));
        SYS(encrypt_mprotect(area, Length, RW, i & 1 ? key : other));
        fill(area, Length, i);
    }
    settle();
    verify(area, Length, 19, "at the end");
    return finish("keys follow memory");
}
