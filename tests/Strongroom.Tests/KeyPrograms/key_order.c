// add_key: which check comes first, with two things wrong at a time.
// run: unsealed options=--keyid-bits,1
#include "keys.h"

int main(void)
{
    begin();
    SYS(control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
    CASE("the keyring before the payload");
    REFUSED(strongroom_add_key("x", "type=bad", 12345), ENOKEY);
    pid_t child = SYS(fork());
    if (child == 0) {
        drop_capabilities();
        CASE("the capability before the payload");
        REFUSED(strongroom_add_key("x", "type=bad", KEY_SPEC_SESSION_KEYRING), EACCES);
        REFUSED(strongroom_add_key("x", "", KEY_SPEC_SESSION_KEYRING), EACCES);
        CASE("no key without CAP_SYS_RESOURCE or CAP_SYS_ADMIN");
        REFUSED(strongroom_add_key("x", CPU_KEY, KEY_SPEC_SESSION_KEYRING), EACCES);
        end_case();
        _exit(0);
    }
    reap_good(child, "without capabilities");
    CASE("the payload before the description");
    REFUSED(strongroom_add_key("", "type=bad", KEY_SPEC_SESSION_KEYRING), EINVAL);
    REFUSED(strongroom_add_key("", CPU_KEY, KEY_SPEC_SESSION_KEYRING), EINVAL);
    int32_t key = SYS(strongroom_add_key("key", CPU_KEY, KEY_SPEC_SESSION_KEYRING));
    CASE("the payload before the free KeyID");
    REFUSED(strongroom_add_key("other", "type=bad", KEY_SPEC_SESSION_KEYRING), EINVAL);
    CASE("no KeyID free");
    REFUSED(strongroom_add_key("other", CPU_KEY, KEY_SPEC_SESSION_KEYRING), ENOKEY);
    CASE("what was refused is in no keyring");
    REFUSED(control(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"mktme", (long)"other", 0), ENOKEY);
    REFUSED(control(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"logon", (long)"mktme:other", 0), ENOKEY);
    CASE("encrypt_mprotect needs no capability, only the right to view the key");
    settle(); // (a process without capabilities cannot be given an agent, but it keeps one)
    child = SYS(fork());
    if (child == 0) {
        drop_capabilities();
        unsigned char *area = map(MiB);
        SYS(encrypt_mprotect(area, MiB, RW, key));
        fill(area, MiB, 1);
        settle();
        verify(area, MiB, 1, "memory of a process without capabilities");
        _exit(0);
    }
    reap_good(child, "without capabilities");
    return finish("checks come in order");
}
