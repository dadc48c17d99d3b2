// Random and mutated arguments to every call: an error or a success, never a crash of the pager, and no slot is lost.
// run: options=--keyid-bits,4 unsealed
#include "keys.h"

static uint64_t state;

static uint64_t next(void)
{
    state = mix(state + 0x9e3779b97f4a7c15ull);
    return state;
}

static const char *const words[] = {
    "type=cpu", "type=user", "type=clear", "type=no-encrypt", "algorithm=aes-xts-128", "algorithm=aes-xts-256",
    "key=" HEX32, "tweak=" HEX32, "key=", "type=", " ", "\t", "x", "=", "key=" HEX32 HEX32,
};

static size_t payload(char *text)
{
    static const char *const whole[] = { CPU_KEY, USER_KEY, "type=no-encrypt", "type=clear" };
    size_t length = 0;
    if (next() % 2) {
        strcpy(text, whole[next() % COUNT(whole)]);
        return strlen(text);
    }
    for (int i = next() % 5; i >= 0; i--)
        length += sprintf(text + length, "%s%s", words[next() % COUNT(words)], next() % 8 ? " " : "");
    if (next() % 2)
        text[next() % length] = (char)next();
    return length;
}

/** A key in a slot that the kernel and the pager had to free first: how soon they do is theirs, so nothing else here may count on it. */
static int32_t key_in_a_freed_slot(void)
{
    int32_t key = add("a slot is free", CPU_KEY);
    for (double end = seconds() + 10; key < 0; key = add("a slot is free", CPU_KEY)) {
        CHECK(errno == ENOKEY && seconds() < end, "no slot is free 10 s after every key was cleared: %s", strerror(errno));
        sleep_milliseconds(1);
    }
    return key;
}

int main(void)
{
    begin();
    CASE("random and mutated arguments");
    uint64_t seed = setting("FUZZ_SEED", (long)(seconds() * 1e6));
    printf("seed %lu\n", (unsigned long)seed);
    fflush(stdout);
    state = seed;
    unsigned char *room = map(256 * PAGE), *area = room + 64 * PAGE, *file = mmap(NULL, 16 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int file_of_key = -1;
    int32_t keys[8] = { 0, 1, -1, -2, -3, 0x7fffffff, -100, 0 };
    int calls = setting("FUZZ_CALLS", 20000), made = 0, worked = 0;
    for (int i = 0; i < calls; i++) {
        if (i % 128 == 0) { // or soon nothing would work any more
            SYS(control(KEYCTL_CLEAR, OWN_KEYRING, 0, 0, 0));
            CHECK(mmap(room, 256 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == room, "mmap");
            keys[next() % 8] = key_in_a_freed_slot(), made++;
        }
        char text[1024], name[8];
        int32_t key = keys[next() % 8];
        unsigned long wild[] = { 0, 1, 4096, -1ul, -4096ul, 1ul << 63, next() % (1 << 20), 1ul << 56 };
        unsigned long odd = wild[next() % COUNT(wild)];
        unsigned char *at = next() % 4 ? area + next() % 64 * PAGE : next() % 2 ? file : (unsigned char *)(odd < (1ul << 47) ? odd & 0xffff : odd);
        size_t length = next() % 4 ? next() % 32 * PAGE : next() % 2 ? next() % 100000 : odd > 1ul << 40 ? odd | 1 : 8191;
        sprintf(name, "%d", (int)(next() % 6));
        switch (next() % 8) {
        case 0: case 1: {
            int32_t found = syscall(__NR_add_key, "mktme", next() % 16 ? name : NULL, next() % 16 ? text : (char *)odd, payload(text),
                (long)OWN_KEYRING);
            if (found > 0)
                keys[next() % 8] = found, made++;
            break;
        }
        case 2: case 3:
            worked += encrypt_mprotect(at, length, next() % 4 ? RW : (int)next(), key) == 0;
            break;
        case 4: worked += sys_encrypt(key, at, length) == 0; break;
        case 5: syscall(__NR_request_key, "mktme", name, next() % 2 ? NULL : text, (long)OWN_KEYRING); break;
        case 6: {
            static const int operations[] = { KEYCTL_DESCRIBE, KEYCTL_UPDATE, KEYCTL_REVOKE, KEYCTL_INVALIDATE, KEYCTL_READ, KEYCTL_SETPERM,
                KEYCTL_SEARCH, KEYCTL_UNLINK };
            if (key > 0)
                control(operations[next() % COUNT(operations)], key, next() % 2 ? (long)text : (long)odd, next() % 2 ? 100 : (long)odd, 0);
            break;
        }
        default: {
            int fd = next() % 2 ? secretmemfd(next() % 2 ? odd : next() % 8) : strongroom_open(next() % 2 ? 0 : next() % 4);
            if (fd < 0)
                break;
            strongroom_set_key(fd, key);
            if (next() % 2)
                (void)!ftruncate(fd, next() % 4 ? next() % 8 * PAGE : odd);
            unsigned char *secret = mmap(next() % 4 ? NULL : area, PAGE, RW, next() % 4 ? MAP_SHARED : (int)next() & ~MAP_FIXED, fd, 0);
            if (secret != MAP_FAILED)
                munmap(secret, PAGE);
            close(file_of_key); // one is kept for a while
            file_of_key = fd;
        }
        }
    }
    CHECK(made > calls / 500 && worked > calls / 500, "%d keys made, %d ranges encrypted of %d calls", made, worked, calls);

    CASE("no slot is lost");
    close(file_of_key);
    SYS(munmap(room, 256 * PAGE));
    SYS(control(KEYCTL_CLEAR, OWN_KEYRING, 0, 0, 0));
    sleep_milliseconds(4000); // the kernel destroys keys, and the pager looks for who has a descriptor, when they come to it
    for (int i = 0; i < 15; i++) {
        char name[16];
        sprintf(name, "after %d", i);
        SYS(add(name, CPU_KEY));
    }
    REFUSED(add("one too many", CPU_KEY), ENOKEY);
    return finish("no slot was lost");
}
