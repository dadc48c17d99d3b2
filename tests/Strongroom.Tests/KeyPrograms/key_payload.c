// The valid and invalid payloads of the series' self-tests.
// run: unsealed
#include "keys.h"

static const char *const valid[] = {
    "type=cpu algorithm=aes-xts-128", "algorithm=aes-xts-128 type=cpu", "  type=cpu\t algorithm=aes-xts-128 ",
    "type=cpu algorithm=aes-xts-128 key=" HEX32, "type=cpu algorithm=aes-xts-128 tweak=" HEX32,
    "type=cpu algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32,
    "type=user algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32, "key=" HEX32 " tweak=" HEX32 " type=user algorithm=aes-xts-128",
    "tweak=" HEX32 " key=" HEX32 " algorithm=aes-xts-128 type=user", "type=no-encrypt", "type=clear",
    "type=user algorithm=aes-xts-256 key=" HEX32 HEX32 " tweak=" HEX32 HEX32,
};
static const char *const invalid[] = {
    "", " ", "a ", "type=", "type= algorithm= key= tweak=", "type=cpu", "type=cp algorithm=aes-xts-128", "type=cpus algorithm=aes-xts-128",
    "type=pu algorithm=aes-xts-128", "type=cpucpu algorithm=aes-xts-128", "type=CPU algorithm=aes-xts-128",
    "type=Cpu algorithm=aes-xts-128", "type=useruser " "algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32,
    "type=User algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32, "type=cpu, algorithm=aes-xts-128",
    "type=cpu type=cpu algorithm=aes-xts-128", "type=cpu algorithm=", "type=cpu algorithm=aes-xts-12",
    "type=cpu algorithm=es-xts-128", "type=cpu algorithm=bad", "type=cpu algorithm=aes-xts-128 algorithm=aes-xts-128",
    "type=user algorithm=aes-xts-128", "type=user algorithm=aes-xts-128 key=" HEX32, "type=user algorithm=aes-xts-128 tweak=" HEX32,
    "type=user algorithm=aes-xts-128 key=0 tweak=" HEX32, "type=user algorithm=aes-xts-128 key=12345678912345 tweak=" HEX32,
    "type=user algorithm=aes-xts-128 key=" HEX32 "0 tweak=" HEX32, "type=user algorithm=aes-xts-128 key=" HEX32 " tweak=-1",
    "type=user algorithm=aes-xts-128 key=x2345678912345671234567891234567 tweak=" HEX32,
    "type=user algorithm=aes-xts-128 key=" HEX32 " key=" HEX32 " tweak=" HEX32,
    "type=clear algorithm=aes-xts-128", "type=no-encrypt key=" HEX32, "no-encrypt", "userkey=1234567812345678 tweak=1234567812345678",
};

int main(void)
{
    begin();
    for (size_t i = 0; i < COUNT(valid); i++) {
        int32_t key = add("valid", valid[i]);
        CHECK(key > 0, "'%s': %s", valid[i], strerror(errno));
        drop(key);
    }
    for (size_t i = 0; i < COUNT(invalid); i++)
        REFUSED(add("invalid", invalid[i]), EINVAL);
    REFUSED(syscall(__NR_request_key, "mktme", "invalid", NULL, 0), ENOKEY);
    char text[2000];
    memset(text, ' ', sizeof text);
    memcpy(text, CPU_KEY, sizeof CPU_KEY - 1);
    drop(SYS(syscall(__NR_add_key, "mktme", "long", text, 1024, (long)OWN_KEYRING)));
    REFUSED(syscall(__NR_add_key, "mktme", "long", text, 1025, (long)OWN_KEYRING), EINVAL);
    REFUSED(syscall(__NR_add_key, "mktme", "long", text, 1 << 20, (long)OWN_KEYRING), EINVAL);
    REFUSED(syscall(__NR_add_key, "mktme", "nowhere", (char *)8, 30, (long)OWN_KEYRING), EFAULT);
    REFUSED(syscall(__NR_add_key, "mktme", (char *)8, CPU_KEY, 30, (long)OWN_KEYRING), EFAULT);
    REFUSED(syscall(__NR_add_key, (char *)8, "x", CPU_KEY, 30, (long)OWN_KEYRING), EFAULT);
    REFUSED(add("", CPU_KEY), EINVAL);
    REFUSED(add(NULL, CPU_KEY), EINVAL);
    REFUSED(strongroom_add_key("x", CPU_KEY, 12345), ENOKEY);
    return finish("payloads are read as documented");
}
