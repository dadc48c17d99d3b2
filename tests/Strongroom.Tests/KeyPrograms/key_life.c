// Keys are made, described, found, updated, revoked, expire and are destroyed as keyctl(2) says; no payload can be read.
#include "keys.h"

int main(void)
{
    begin();
    char text[256];
    CASE("each type can be added, and serials are unique");
    int32_t cpu = SYS(add("cpu key", CPU_KEY)), user = SYS(add("user key", USER_KEY));
    int32_t plain = SYS(add("plain", "type=no-encrypt")), clear = SYS(add("clear", "type=clear"));
    CHECK(cpu != user && user != plain && plain != clear, "serials are not unique");
    CASE("described as mktme");
    long length = SYS(control(KEYCTL_DESCRIBE, cpu, (long)text, sizeof text, 0));
    CHECK(strncmp(text, "mktme;", 6) == 0 && strstr(text, ";cpu key") && length == (long)strlen(text) + 1, "described as %s", text);
    CHECK(SYS(control(KEYCTL_DESCRIBE, cpu, 0, 0, 0)) == length, "length without a buffer");
    CASE("no payload can be read");
    REFUSED(control(KEYCTL_READ, user, (long)text, sizeof text, 0), EOPNOTSUPP);
    CASE("searched and requested");
    CHECK(SYS(control(KEYCTL_SEARCH, OWN_KEYRING, (long)"mktme", (long)"user key", 0)) == user, "search");
    CHECK(SYS(syscall(__NR_request_key, "mktme", "user key", NULL, 0)) == user, "request");
    REFUSED(syscall(__NR_request_key, "mktme", "nobody", NULL, 0), ENOKEY);
    CASE("made by request_key from its callout text");
    int32_t made = SYS(syscall(__NR_request_key, "mktme", "made", CPU_KEY, OWN_KEYRING));
    CHECK(SYS(control(KEYCTL_SEARCH, OWN_KEYRING, (long)"mktme", (long)"made", 0)) == made, "requested key is linked");
    CASE("the same description and payload five times: one serial");
    for (int i = 0; i < 5; i++)
        CHECK(SYS(add("cpu key", CPU_KEY)) == cpu, "another serial");
    CASE("the same description, another payload: the same serial");
    CHECK(SYS(add("cpu key", USER_KEY)) == cpu, "another serial");
    CASE("an explicit update, also to clear");
    SYS(control(KEYCTL_UPDATE, cpu, (long)CPU_KEY, sizeof CPU_KEY - 1, 0));
    SYS(control(KEYCTL_UPDATE, cpu, (long)"type=clear", 10, 0));
    CASE("an update with an invalid payload");
    REFUSED(control(KEYCTL_UPDATE, cpu, (long)"type=bad", 8, 0), EINVAL);
    CASE("an update of a key in use");
    unsigned char *page = map(PAGE);
    int32_t busy = SYS(add("busy", CPU_KEY));
    SYS(encrypt_mprotect(page, PAGE, RW, busy));
    REFUSED(control(KEYCTL_UPDATE, busy, (long)CPU_KEY, sizeof CPU_KEY - 1, 0), EBUSY);
    REFUSED(add("busy", CPU_KEY), EBUSY);
    CASE("an update of no key");
    REFUSED(control(KEYCTL_UPDATE, 0x7ffffff0, (long)CPU_KEY, sizeof CPU_KEY - 1, 0), ENOKEY);
    CASE("keyrings list the keys");
    int32_t ring = SYS(control(KEYCTL_GET_KEYRING_ID, OWN_KEYRING, 0, 0, 0)), listed[64];
    int count = SYS(control(KEYCTL_READ, ring, (long)listed, sizeof listed, 0)) / 4, found = 0;
    for (int i = 0; i < count; i++)
        found += listed[i] == cpu || listed[i] == user || listed[i] == plain || listed[i] == clear || listed[i] == made;
    CHECK(found == 5, "%d of 5 keys are in the keyring", found);
    CASE("a revoked key");
    SYS(control(KEYCTL_REVOKE, user, 0, 0, 0));
    REFUSED(encrypt_mprotect(page, PAGE, RW, user), EKEYREVOKED);
    REFUSED(control(KEYCTL_DESCRIBE, user, 0, 0, 0), EKEYREVOKED);
    CASE("the right to view is enough");
    SYS(control(KEYCTL_SETPERM, plain, 0x09000000, 0, 0));
    SYS(encrypt_mprotect(page, PAGE, RW, plain));
    CASE("no right to view");
    SYS(control(KEYCTL_SETPERM, clear, 0, 0, 0));
    REFUSED(encrypt_mprotect(page, PAGE, RW, clear), EACCES);
    CASE("an expired key");
    SYS(control(KEYCTL_SET_TIMEOUT, made, 1, 0, 0));
    sleep_milliseconds(2100);
    REFUSED(encrypt_mprotect(page, PAGE, RW, made), EKEYEXPIRED);
    CASE("an invalidated key");
    drop(cpu);
    REFUSED(encrypt_mprotect(page, PAGE, RW, cpu), ENOKEY);
    CASE("keys of other types are the kernel's alone");
    int32_t other = SYS(syscall(__NR_add_key, "user", "other", "text", 4, (long)OWN_KEYRING));
    CHECK(SYS(control(KEYCTL_READ, other, (long)text, sizeof text, 0)) == 4 && memcmp(text, "text", 4) == 0, "a user key");
    REFUSED(syscall(__NR_add_key, "no such type", "x", "y", 1, (long)OWN_KEYRING), ENODEV);
    return finish("keys live and die");
}
