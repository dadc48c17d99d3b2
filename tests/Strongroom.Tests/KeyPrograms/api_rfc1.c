// The rules of the first posting, September 2018.
// run: options=--api,rfc1,--keyid-bits,1
#include "keys.h"

int main(void)
{
    begin();
    CASE("rfc1: entropy, or userkey with tweak; no type");
    REFUSED(add("key", CPU_KEY), EINVAL);
    REFUSED(add("key", "userkey=1234567812345678"), EINVAL);
    REFUSED(add("key", "tweak=1234567812345678"), EINVAL);
    REFUSED(add("key", "entropy=1234567812345678 tweak=1234567812345678"), EINVAL);
    REFUSED(add("key", "userkey=1234567812345678 tweak=1234567812345678 entropy=1234567812345678"), EINVAL);
    REFUSED(add("key", "userkey=12345678123456789 tweak=1234567812345678"), EINVAL);
    SYS(control(KEYCTL_REVOKE, SYS(add("cpu", "entropy=1234567812345678")), 0, 0, 0));
    int32_t key = SYS(add("key", "userkey=1234567812345678 tweak=1234567812345678 algorithm=aes_xts_128"));
    CASE("rfc1: no KeyID free is EDQUOT");
    REFUSED(add("other", "entropy=1234567812345678"), EDQUOT);
    CASE("rfc1: the length is rounded up");
    unsigned char *area = map(MiB);
    SYS(encrypt_mprotect(area, MiB - 100, RW, key));
    fill(area, MiB, 1);
    settle();
    CASE("rfc1: EPERM for revoking, invalidating and timing out a key in use");
    REFUSED(control(KEYCTL_INVALIDATE, key, 0, 0, 0), EPERM);
    REFUSED(control(KEYCTL_REVOKE, key, 0, 0, 0), EPERM);
    REFUSED(control(KEYCTL_SET_TIMEOUT, key, 1, 0, 0), EPERM);
    CASE("rfc1: no update");
    REFUSED(control(KEYCTL_UPDATE, key, (long)"entropy=1234567812345678", 24, 0), EOPNOTSUPP);
    verify(area, MiB, 1, "memory under a key");
    CASE("rfc1: revoked when unused");
    SYS(munmap(area, MiB));
    SYS(control(KEYCTL_REVOKE, key, 0, 0, 0));
    return finish("the first posting");
}
