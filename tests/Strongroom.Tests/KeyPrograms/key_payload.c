// Payloads: every form that is valid, and every rule that makes one invalid.
// run: unsealed
#include "keys.h"

static void valid(const char *payload)
{
    int32_t key = add("valid", payload);
    CHECK(key > 0, "'%s': %s", payload, strerror(errno));
    drop(key);
}

static void invalid(const char *payload)
{
    REFUSED(add("invalid", payload), EINVAL);
}

int main(void)
{
    begin();
    CASE("cpu: an algorithm, and key and tweak as entropy, each or both");
    valid("type=cpu algorithm=aes-xts-128");
    valid("type=cpu algorithm=aes-xts-128 key=" HEX32);
    valid("type=cpu algorithm=aes-xts-128 tweak=" HEX32);
    valid("type=cpu algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32);
    CASE("cpu without an algorithm");
    invalid("type=cpu");
    invalid("type=cpu key=" HEX32);
    CASE("user: algorithm, key and tweak");
    valid(USER_KEY);
    valid("type=user algorithm=aes-xts-256 key=" HEX32 HEX32 " tweak=" HEX32 HEX32);
    CASE("user without one of them");
    invalid("type=user algorithm=aes-xts-128");
    invalid("type=user algorithm=aes-xts-128 key=" HEX32);
    invalid("type=user algorithm=aes-xts-128 tweak=" HEX32);
    invalid("type=user key=" HEX32 " tweak=" HEX32);
    CASE("no-encrypt and clear alone");
    valid("type=no-encrypt");
    valid("type=clear");
    CASE("no-encrypt and clear with another option");
    invalid("type=clear algorithm=aes-xts-128");
    invalid("type=clear key=" HEX32);
    invalid("type=no-encrypt algorithm=aes-xts-128");
    invalid("type=no-encrypt key=" HEX32);
    invalid("type=no-encrypt tweak=" HEX32);
    CASE("no type");
    invalid("algorithm=aes-xts-128");
    invalid("algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32);
    invalid("no-encrypt");
    CASE("options in any order");
    valid("algorithm=aes-xts-128 type=cpu");
    valid("key=" HEX32 " tweak=" HEX32 " type=user algorithm=aes-xts-128");
    valid("tweak=" HEX32 " key=" HEX32 " algorithm=aes-xts-128 type=user");
    valid("algorithm=aes-xts-128 tweak=" HEX32 " type=user key=" HEX32);
    CASE("spaces and tabs separate, also several");
    valid("  type=cpu\t algorithm=aes-xts-128 ");
    valid("\ttype=no-encrypt");
    CASE("nothing else separates");
    invalid("type=cpu, algorithm=aes-xts-128");
    invalid("type=cpu,algorithm=aes-xts-128");
    invalid("type=cpu\nalgorithm=aes-xts-128");
    CASE("an option given twice");
    invalid("type=cpu type=cpu algorithm=aes-xts-128");
    invalid("type=cpu algorithm=aes-xts-128 algorithm=aes-xts-128");
    invalid(USER_KEY " key=" HEX32);
    invalid(USER_KEY " tweak=" HEX32);
    CASE("an unknown option");
    invalid("a ");
    invalid("type=cpu algorithm=aes-xts-128 x");
    invalid("type=cpu algorithm=aes-xts-128 size=1");
    invalid("userkey=1234567812345678 tweak=1234567812345678");
    CASE("empty values");
    invalid("type=");
    invalid("type=cpu algorithm=");
    invalid("type= algorithm= key= tweak=");
    invalid("type=user algorithm=aes-xts-128 key= tweak=" HEX32);
    CASE("a type is spelt exactly");
    static const char *const types[] = { "cp", "cpus", "pu", "cpucpu", "CPU", "Cpu", "useruser", "use", "users", "used", "User", "USER",
        "UsEr", "clea", "noencrypt", "no_encrypt" };
    for (size_t i = 0; i < COUNT(types); i++) {
        char text[256];
        sprintf(text, "type=%s algorithm=aes-xts-128 key=" HEX32 " tweak=" HEX32, types[i]);
        invalid(text);
        sprintf(text, "type=%s", types[i]);
        invalid(text);
    }
    CASE("an algorithm is spelt exactly");
    static const char *const algorithms[] = { "aes-xts-12", "aes-xts-128aes-xts-128", "es-xts-128", "bad", "aes-xts-128-xxxx",
        "xxx-aes-xts-128", "AES-XTS-128", "aes_xts_128", "aes-xts-192" };
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        char text[64];
        sprintf(text, "type=cpu algorithm=%s", algorithms[i]);
        invalid(text);
    }
    CASE("key and tweak have as many hex digits as the algorithm says");
    static const char *const digits[] = { "0", "12345678912345", "1234567891234567123", "1234567891234567123456789123456", HEX32 "0",
        HEX32 HEX32, "x2345678912345671234567891234567", "-1", "0x345678912345671234567891234567" };
    for (size_t i = 0; i < COUNT(digits); i++) {
        char text[256];
        sprintf(text, "type=user algorithm=aes-xts-128 key=%s tweak=" HEX32, digits[i]);
        invalid(text);
        sprintf(text, "type=cpu algorithm=aes-xts-128 tweak=%s", digits[i]);
        invalid(text);
    }
    CASE("1 to 1024 bytes");
    char text[2000];
    memset(text, ' ', sizeof text);
    memcpy(text, CPU_KEY, sizeof CPU_KEY - 1);
    drop(SYS(syscall(__NR_add_key, "mktme", "long", text, 1024, (long)OWN_KEYRING)));
    REFUSED(syscall(__NR_add_key, "mktme", "long", text, 1025, (long)OWN_KEYRING), EINVAL);
    REFUSED(syscall(__NR_add_key, "mktme", "long", text, 1 << 20, (long)OWN_KEYRING), EINVAL);
    REFUSED(syscall(__NR_add_key, "mktme", "long", NULL, 0, (long)OWN_KEYRING), EINVAL);
    invalid("");
    invalid(" ");
    CASE("an invalid payload leaves no key");
    REFUSED(syscall(__NR_request_key, "mktme", "invalid", NULL, 0), ENOKEY);
    CASE("pointers that lead nowhere");
    REFUSED(syscall(__NR_add_key, "mktme", "nowhere", (char *)8, 30, (long)OWN_KEYRING), EFAULT);
    REFUSED(syscall(__NR_add_key, "mktme", (char *)8, CPU_KEY, 30, (long)OWN_KEYRING), EFAULT);
    REFUSED(syscall(__NR_add_key, (char *)8, "x", CPU_KEY, 30, (long)OWN_KEYRING), EFAULT);
    CASE("a description is needed");
    REFUSED(add("", CPU_KEY), EINVAL);
    REFUSED(add(NULL, CPU_KEY), EINVAL);
    return finish("payloads are read as documented");
}
