// The rules of the second posting, December 2018.
// run: options=--api,rfc2,--keyid-bits,1
#include "keys.h"

int main(void)
{
    begin();
    CASE("rfc2: user, cpu with entropy, clear, no-encrypt");
    static const char *const valid[] = { CPU_KEY, CPU_KEY " key=" HEX32, CPU_KEY " tweak=" HEX32, USER_KEY, "type=clear", "type=no-encrypt" };
    for (size_t i = 0; i < COUNT(valid); i++)
        drop(SYS(add("key", valid[i])));
    REFUSED(add("key", "type=cpu algorithm=aes-xts-256"), EINVAL);
    REFUSED(add("key", "entropy=1234567812345678"), EINVAL);
    CASE("rfc2: an update, by add_key and by KEYCTL_UPDATE");
    int32_t key = SYS(add("key", USER_KEY));
    CHECK(SYS(add("key", CPU_KEY)) == key, "another serial");
    SYS(control(KEYCTL_UPDATE, key, (long)USER_KEY, sizeof USER_KEY - 1, 0));
    REFUSED(control(KEYCTL_UPDATE, key, (long)"type=bad", 8, 0), EINVAL);
    CASE("rfc2: EBUSY for updating a key in use");
    unsigned char *area = map(MiB);
    SYS(encrypt_mprotect(area, MiB, RW, key));
    fill(area, MiB, 1);
    settle();
    REFUSED(control(KEYCTL_UPDATE, key, (long)CPU_KEY, sizeof CPU_KEY - 1, 0), EBUSY);
    verify(area, MiB, 1, "memory under a key");
    SYS(munmap(area, MiB));
    SYS(control(KEYCTL_UPDATE, key, (long)"type=clear", 10, 0));
    CASE("rfc2: no KeyID free is ENOKEY");
    REFUSED(add("other", CPU_KEY), ENOKEY);
    return finish("the second posting");
}
