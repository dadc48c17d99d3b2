// The rules of the posting with 62 patches, May 2019.
// run: options=--api,rfc62,--keyid-bits,3
#include "keys.h"

int main(void)
{
    begin();
    CASE("rfc62: user, cpu with entropy, no-encrypt; no clear");
    static const char *const valid[] = { CPU_KEY, CPU_KEY " key=" HEX32, CPU_KEY " tweak=" HEX32, USER_KEY, "type=no-encrypt" };
    for (size_t i = 0; i < COUNT(valid); i++)
        drop(SYS(add("key", valid[i])));
    REFUSED(add("key", "type=clear"), EINVAL);
    REFUSED(add("key", "type=cpu algorithm=aes-xts-256"), EINVAL);
    CASE("rfc62: no update; the same description is another key");
    int32_t key = SYS(add("key", USER_KEY)), other = SYS(add("key", USER_KEY));
    CHECK(key != other, "the key was updated");
    REFUSED(control(KEYCTL_UPDATE, other, (long)USER_KEY, sizeof USER_KEY - 1, 0), EOPNOTSUPP);
    CASE("rfc62: a key in use can be invalidated");
    unsigned char *area = map(MiB);
    SYS(encrypt_mprotect(area, MiB, RW, other));
    fill(area, MiB, 1);
    drop(other);
    settle();
    verify(area, MiB, 1, "memory whose key is gone");
    CASE("rfc62: the length is checked");
    REFUSED(encrypt_mprotect(area, MiB - 100, RW, other), EINVAL);
    return finish("62 patches");
}
