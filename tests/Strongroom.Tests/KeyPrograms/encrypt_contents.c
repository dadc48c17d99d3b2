// What becomes of contents: lost when key or protection change, kept when nothing does, by plain mprotect, and when asked for.
#include "keys.h"
enum { Length = 4 << 20, Part = 1 << 20 };

int main(void)
{
    begin();
    int32_t one = SYS(add("one", CPU_KEY)), two = SYS(add("two", USER_KEY)), none = SYS(add("none", "type=no-encrypt"));
    unsigned char *area = map(Length), *twin = map(Length);
    memset(area, 9, Length), memset(twin, 9, Length);
    SYS(encrypt_mprotect(area, Length, RW, one));
    CHECK(memcmp(area, twin, Length) != 0, "the contents survived the change of key");
    verify_zero(area, Length, "memory that got a key");
    fill(area, Length, 2);
    settle();
    verify(area, Length, 2, "memory under a key");
    SYS(encrypt_mprotect(area, Length, RW, one));
    verify(area, Length, 2, "memory of which nothing changed");
    for (int protection = 0; protection < 8; protection++) {
        SYS(mprotect(area, Length, protection));
        SYS(mprotect(area, Length, RW));
    }
    settle();
    verify(area, Length, 2, "memory after plain mprotect");
    SYS(encrypt_mprotect(area, Length, PROT_READ, one));
    verify_zero(area, Length, "memory whose protection changed");
    SYS(mprotect(area, Length, RW));
    fill(area, Length, 3);
    settle();
    SYS(encrypt_mprotect(area + Part, Part, RW, two));
    verify(area, Part, 3, "memory before");
    verify_zero(area + Part, Part, "memory that got another key");
    verify_from(area + 2 * Part, 2 * Part, 3, 2 * Part / 8, "memory behind");
    fill(area + Part, Part, 4);
    settle();
    SYS(encrypt_mprotect(area, Length, RW | STRONGROOM_PROT_KEEP, two));
    verify(area + Part, Part, 4, "kept, of the same key");
    verify(area, Part, 3, "kept");
    settle();
    verify_from(area + 2 * Part, 2 * Part, 3, 2 * Part / 8, "kept, and sealed under another key");
    SYS(encrypt_mprotect(area, Part, RW | STRONGROOM_PROT_KEEP, none));
    settle();
    verify(area, Part, 3, "kept without encryption");
    SYS(sys_encrypt(one, area, Part));
    verify_zero(area, Part, "the split form");
    fill(area, Part, 5);
    settle();
    verify(area, Part, 5, "under the split form's key");
    for (int i = 0; i < 40; i++) {
        SYS(encrypt_mprotect(area + PAGE, PAGE, RW, i & 1 ? one : two));
        verify_zero(area + PAGE, PAGE, "a page that changes its key");
        memset(area + PAGE, i, PAGE);
    }
    verify(area, PAGE, 5, "its neighbour");
    return finish("contents go and stay");
}
