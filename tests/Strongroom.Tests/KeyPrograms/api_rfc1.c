// The rules of the first posting: its options, EPERM for a key in use, EDQUOT, no check of the length.
// run: options=--api,rfc1,--keyid-bits,1
#include "keys.h"

int main(void)
{
    begin();
    REFUSED(add("key", CPU_KEY), EINVAL);
    int32_t key = SYS(add("key", "userkey=1234567812345678 tweak=1234567812345678 algorithm=aes_xts_128"));
    REFUSED(add("other", "entropy=1234567812345678"), EDQUOT);
    unsigned char *area = map(MiB);
    SYS(encrypt_mprotect(area, MiB - 100, RW, key));
    fill(area, MiB, 1);
    settle();
    REFUSED(control(KEYCTL_INVALIDATE, key, 0, 0, 0), EPERM);
    REFUSED(control(KEYCTL_REVOKE, key, 0, 0, 0), EPERM);
    REFUSED(control(KEYCTL_SET_TIMEOUT, key, 1, 0, 0), EPERM);
    REFUSED(control(KEYCTL_UPDATE, key, (long)"entropy=1234567812345678", 24, 0), EOPNOTSUPP);
    verify(area, MiB, 1, "memory under a key");
    SYS(munmap(area, MiB));
    SYS(control(KEYCTL_REVOKE, key, 0, 0, 0));
    return finish("the first posting");
}
