// What becomes of contents: lost when key or protection change, kept when nothing does, by plain mprotect, and when asked for.
#include "keys.h"
enum { Length = 4 << 20, Part = 1 << 20 };

int main(void)
{
    begin();
    int32_t one = SYS(add("one", CPU_KEY)), two = SYS(add("two", USER_KEY)), none = SYS(add("none", "type=no-encrypt"));
    unsigned char *area = map(Length), *twin = map(Length);
    CASE("another key: contents lost, the range reads as zeros");
    memset(area, 9, Length), memset(twin, 9, Length);
    SYS(encrypt_mprotect(area, Length, RW, one));
    CHECK(memcmp(area, twin, Length) != 0, "the contents survived the change of key");
    verify_zero(area, Length, "memory that got a key");
    CASE("memory under a key keeps what is written to it");
    fill(area, Length, 2);
    settle();
    verify(area, Length, 2, "memory under a key");
    CASE("same key and protection: nothing happens");
    SYS(encrypt_mprotect(area, Length, RW, one));
    verify(area, Length, 2, "memory of which nothing changed");
    CASE("plain mprotect keeps KeyID and contents through every protection");
    for (int protection = 0; protection < 8; protection++) {
        SYS(mprotect(area, Length, protection));
        CHECK(key_id_of(area) == 1, "KeyID %d", key_id_of(area));
        SYS(mprotect(area, Length, RW));
    }
    settle();
    verify(area, Length, 2, "memory after plain mprotect");
    CASE("same key, another protection: contents lost, KeyID kept");
    SYS(encrypt_mprotect(area, Length, PROT_READ, one));
    CHECK(key_id_of(area) == 1, "KeyID %d", key_id_of(area));
    verify_zero(area, Length, "memory whose protection changed");
    SYS(mprotect(area, Length, RW));
    fill(area, Length, 3);
    settle();
    CASE("a part of a VMA");
    SYS(encrypt_mprotect(area + Part, Part, RW, two));
    CHECK(vmas_of(area, Length) == 3 && key_id_of(area + Part) == 2 && key_id_of(area + 2 * Part) == 1, "not split");
    verify(area, Part, 3, "memory before");
    verify_zero(area + Part, Part, "memory that got another key");
    verify_from(area + 2 * Part, 2 * Part, 3, 2 * Part / 8, "memory behind");
    fill(area + Part, Part, 4);
    settle();
    CASE("contents kept on demand");
    SYS(encrypt_mprotect(area, Length, RW | STRONGROOM_PROT_KEEP, two));
    verify(area + Part, Part, 4, "kept, of the same key");
    verify(area, Part, 3, "kept");
    settle();
    verify_from(area + 2 * Part, 2 * Part, 3, 2 * Part / 8, "kept, and sealed under another key");
    CASE("merged where the KeyID is the same again");
    CHECK(vmas_of(area, Length) == 1 && key_id_of(area + 3 * Part) == 2, "%d VMAs", vmas_of(area, Length));
    CASE("no-encrypt");
    SYS(encrypt_mprotect(area, Part, RW | STRONGROOM_PROT_KEEP, none));
    settle();
    verify(area, Part, 3, "kept without encryption");
    CASE("the split form: the key alone, then plain mprotect");
    SYS(mprotect(area, Part, PROT_READ));
    SYS(sys_encrypt(one, area, Part));
    CHECK(key_id_of(area) == 1, "KeyID %d", key_id_of(area));
    SYS(mprotect(area, Part, RW));
    verify_zero(area, Part, "the split form");
    fill(area, Part, 5);
    settle();
    verify(area, Part, 5, "under the split form's key");
    CASE("keys on one page, one after the other");
    for (int i = 0; i < 40; i++) {
        SYS(encrypt_mprotect(area + PAGE, PAGE, RW, i & 1 ? one : two));
        CHECK(key_id_of(area + PAGE) == (i & 1 ? 1 : 2), "KeyID %d", key_id_of(area + PAGE));
        verify_zero(area + PAGE, PAGE, "a page that changes its key");
        memset(area + PAGE, i, PAGE);
    }
    verify(area, PAGE, 5, "its neighbour");
    CASE("back to no key only by unmapping");
    SYS(munmap(area, Part));
    CHECK(mmap(area, Part, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area, "mmap");
    CHECK(key_id_of(area) == 0 && key_id_of(area + Part) == 2, "KeyIDs %d and %d", key_id_of(area), key_id_of(area + Part));
    CASE("mmap, encrypt, ten pages, unmap");
    unsigned char *ten = map_with(10 * PAGE, PROT_NONE, 0);
    SYS(encrypt_mprotect(ten, 10 * PAGE, RW, one));
    fill(ten, 10 * PAGE, 10);
    settle();
    verify(ten, 10 * PAGE, 10, "ten pages");
    SYS(munmap(ten, 10 * PAGE));
    return finish("contents go and stay");
}
