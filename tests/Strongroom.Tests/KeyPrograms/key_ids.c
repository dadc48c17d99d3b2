// KeyIDs: which is given out, and what keeps one from being given out again.
// run: options=--keyid-bits,3
#include "keys.h"

static int32_t keys[7];

static void add_all(const char *payload)
{
    char name[16];
    for (int i = 0; i < 7; i++) {
        sprintf(name, "key %d", i);
        keys[i] = SYS(add(name, payload));
    }
}

static void drop_all(void)
{
    for (int i = 0; i < 7; i++)
        drop(keys[i]);
}

// Discards a key whose memory is in use in one of four ways; its slot stays taken until the memory is gone.
static void discard_in_use(const char *way)
{
    add_all(CPU_KEY);
    unsigned char *area = map_with(MiB, PROT_NONE, 0);
    SYS(encrypt_mprotect(area, MiB, RW, keys[2]));
    fill(area, MiB, 1);
    switch (way[0]) {
    case 'i': drop(keys[2]); break;
    case 'r': SYS(control(KEYCTL_REVOKE, keys[2], 0, 0, 0)); break;
    case 'u': SYS(control(KEYCTL_UNLINK, keys[2], OWN_KEYRING, 0, 0)); break;
    default: SYS(control(KEYCTL_SET_TIMEOUT, keys[2], 1, 0, 0)); sleep_milliseconds(1500);
    }
    settle();
    REFUSED(add("while in use", CPU_KEY), ENOKEY);
    verify(area, MiB, 1, "memory whose key was discarded");
    SYS(munmap(area, MiB));
    int32_t next = -1;
    if (way[0] == 'r' || way[0] == 't') // a dead key stays for gc_delay: 5 minutes unless the machine says otherwise
        SYS(control(KEYCTL_UNLINK, keys[2], OWN_KEYRING, 0, 0));
    for (int i = 0; i < 100 && next < 0; i++, sleep_milliseconds(20)) // the kernel destroys keys when it comes to it
        next = add("afterwards", CPU_KEY);
    CHECK(next > 0, "the KeyID did not come back: %s", strerror(errno));
    drop(next);
    for (int i = 0; i < 7; i++)
        control(KEYCTL_INVALIDATE, keys[i], 0, 0, 0);
    sleep_milliseconds(300);
}

int main(void)
{
    begin();
    CASE("all KeyIDs can be used up, and freed, again and again");
    for (int round = 0; round < 3; round++) {
        add_all(CPU_KEY);
        REFUSED(add("one too many", CPU_KEY), ENOKEY);
        drop_all();
    }
    CASE("KeyIDs are unique, the lowest free one is given out");
    add_all(USER_KEY);
    unsigned char *area = map(8 * PAGE);
    for (int i = 0; i < 7; i++) {
        SYS(encrypt_mprotect(area + i * PAGE, PAGE, RW, keys[i]));
        CHECK(key_id_of(area + i * PAGE) == i + 1, "key %d has KeyID %d", i, key_id_of(area + i * PAGE));
    }
    SYS(munmap(area, 8 * PAGE));
    CASE("the first key to be released is the first KeyID to be given out again");
    drop(keys[4]);
    REFUSED(encrypt_mprotect(map(PAGE), PAGE, RW, keys[4]), ENOKEY);
    keys[4] = SYS(add("again", CPU_KEY));
    area = map(PAGE);
    SYS(encrypt_mprotect(area, PAGE, RW, keys[4]));
    CHECK(key_id_of(area) == 5, "KeyID %d", key_id_of(area));
    SYS(munmap(area, PAGE));
    CASE("unlinking the last link frees");
    SYS(control(KEYCTL_UNLINK, keys[3], OWN_KEYRING, 0, 0));
    sleep_milliseconds(500); // the kernel destroys keys when it comes to it
    keys[3] = SYS(add("another", CPU_KEY));
    drop_all();

    CASE("invalidated in use");
    discard_in_use("invalidate");
    CASE("revoked in use");
    discard_in_use("revoke");
    CASE("unlinked in use");
    discard_in_use("unlink");
    CASE("expired in use");
    discard_in_use("timeout");

    CASE("each VMA holds the slot");
    add_all(CPU_KEY);
    area = map(4 * MiB);
    SYS(encrypt_mprotect(area, MiB, RW, keys[2]));
    SYS(encrypt_mprotect(area + 2 * MiB, MiB, RW, keys[2]));
    drop(keys[2]);
    SYS(munmap(area, MiB));
    REFUSED(add("still in use", CPU_KEY), ENOKEY);
    CASE("a part of a VMA holds it too");
    SYS(munmap(area + 2 * MiB, MiB / 2));
    REFUSED(add("still in use", CPU_KEY), ENOKEY);
    SYS(munmap(area + 2 * MiB + MiB / 2, MiB / 2));
    keys[2] = SYS(add("afterwards", CPU_KEY));
    CASE("a range with a hole holds it up to the hole");
    unsigned char *holes = map(3 * MiB);
    SYS(munmap(holes + MiB, MiB));
    REFUSED(encrypt_mprotect(holes, 3 * MiB, RW, keys[2]), ENOMEM);
    CHECK(key_id_of(holes) == 3 && key_id_of(holes + 2 * MiB) == 0, "KeyIDs round the hole");
    drop(keys[2]);
    REFUSED(add("in use before the hole", CPU_KEY), ENOKEY);
    SYS(munmap(holes, MiB));
    keys[2] = SYS(add("free again", CPU_KEY));
    CASE("another key on the same memory gives the first one up");
    area = map(MiB);
    SYS(encrypt_mprotect(area, MiB, RW, keys[2]));
    SYS(encrypt_mprotect(area, MiB, RW, keys[3]));
    drop(keys[2]);
    SYS(add("at once", CPU_KEY));
    return finish("KeyIDs go round");
}
