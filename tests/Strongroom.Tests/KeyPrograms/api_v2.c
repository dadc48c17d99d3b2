// The rules of the last posting: no key material from programs, no update; the same description makes another key.
// run: options=--api,v2
#include "keys.h"

int main(void)
{
    begin();
    CASE("v2: cpu and no-encrypt, no material from programs");
    drop(SYS(add("plain", "type=no-encrypt")));
    REFUSED(add("key", USER_KEY), EINVAL);
    REFUSED(add("key", CPU_KEY " key=" HEX32), EINVAL);
    REFUSED(add("key", "type=clear"), EINVAL);
    CASE("v2: no update; the same description is another key");
    int32_t key = SYS(add("key", CPU_KEY)), other = SYS(add("key", CPU_KEY));
    CHECK(key != other, "the key was updated");
    REFUSED(control(KEYCTL_UPDATE, other, (long)CPU_KEY, sizeof CPU_KEY - 1, 0), EOPNOTSUPP);
    CASE("v2: the displaced key is gone");
    unsigned char *area = map(MiB);
    sleep_milliseconds(500); // the kernel destroys keys when it comes to it
    REFUSED(encrypt_mprotect(area, MiB, RW, key), ENOKEY);
    SYS(encrypt_mprotect(area, MiB, RW, other));
    return finish("the last posting");
}
