// What the programs of this folder share: the calls of the patch series, and keyctl(2) without libkeyutils.
#ifndef KEYS_H
#define KEYS_H
#include "common.h"
#include "strongroom.h"
#include <linux/keyctl.h>

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

static UNUSED long control(int operation, long a, long b, long c, long d)
{
    return syscall(__NR_keyctl, operation, a, b, c, d);
}

static UNUSED int32_t add(const char *description, const char *payload)
{
    return strongroom_add_key(description, payload, OWN_KEYRING);
}

static UNUSED void drop(int32_t key)
{
    SYS(control(KEYCTL_INVALIDATE, key, 0, 0, 0));
}
#endif
