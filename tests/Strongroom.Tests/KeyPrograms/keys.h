// What the programs of this folder share: the calls of the patch series, and keyctl(2) without libkeyutils.
#ifndef KEYS_H
#define KEYS_H
#include "common.h"
#include "strongroom.h"
#include <linux/keyctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RW (PROT_READ | PROT_WRITE)
#define CPU_KEY "type=cpu algorithm=aes-xts-128"
#define HEX32 "12345678912345671234567891234567"
#define USER_KEY "type=user algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32
#define OWN_KEYRING KEY_SPEC_PROCESS_KEYRING

#define REFUSED(expression, error) do { \
    errno = 0; \
    long refused_ = (long)(expression); \
    CHECK(refused_ == -1 && errno == (error), "%s:%d: %s gave %ld, %s instead of %s", __FILE__, __LINE__, #expression, \
        refused_, strerror(errno), strerror(error)); } while (0)

// One behaviour, reported by itself: a row of docs/conformance.md names it. It has passed when the next begins, or the program ends.
static UNUSED const char *case_;

static UNUSED void end_case(void)
{
    if (case_) {
        printf("passed %s\n", case_);
        fflush(stdout);
    }
    case_ = NULL;
}

#define CASE(name) (end_case(), case_ = (name))
#define finish(text) (end_case(), finish(text))
#undef CHECK
#define CHECK(condition, ...) do { if (!(condition)) { fprintf(stderr, "%s: ", case_ ? case_ : "no case"); fail(__VA_ARGS__); } } while (0)

static UNUSED long control(int operation, long a, long b, long c, long d)
{
    return syscall(__NR_keyctl, operation, a, b, c, d);
}

static UNUSED int32_t add(const char *description, const char *payload)
{
    return strongroom_add_key(description, payload, OWN_KEYRING);
}

// What `strongroom maps` says of a range of this process: the KeyID of its first page (0 for none), and how many VMAs with keys it has.
static UNUSED int key_id_and_count(const void *address, size_t length, int *count)
{
    static int pager;
    pager = pager ? pager : getppid(); // begin() is the first to ask
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    int n = sprintf(name.sun_path + 1, "strongroom.%d", pager), socket_ = SYS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), key_id = 0;
    if (connect(socket_, (void *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + n) != 0) {
        close(socket_);
        return 0;
    }
    char text[32 << 10];
    n = sprintf(text, "maps %d", getpid());
    SYS(send(socket_, text, n, 0));
    *count = 0;
    while ((n = SYS(recv(socket_, text, sizeof text - 1, 0))) > 0) {
        text[n] = 0;
        for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
            unsigned long start, end;
            int id;
            if (sscanf(line, "%lx\t%lx\t%d", &start, &end, &id) != 3)
                continue;
            *count += start < (uintptr_t)address + length && (uintptr_t)address < end;
            if (start <= (uintptr_t)address && (uintptr_t)address < end)
                key_id = id;
        }
    }
    close(socket_);
    return key_id;
}

static UNUSED int key_id_of(const void *address)
{
    int count;
    return key_id_and_count(address, 1, &count);
}

static UNUSED int vmas_of(const void *address, size_t length)
{
    int count;
    key_id_and_count(address, length, &count);
    return count;
}

#define begin() (key_id_of(NULL), begin())

static UNUSED void drop_capabilities(void)
{
    uint32_t header[2] = { 0x20080522, 0 }, none[6] = { 0 };
    SYS(syscall(__NR_capset, header, none));
}

static UNUSED void drop(int32_t key)
{
    SYS(control(KEYCTL_INVALIDATE, key, 0, 0, 0));
}
#endif
