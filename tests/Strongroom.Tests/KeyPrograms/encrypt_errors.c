// encrypt_mprotect: every error, and which check comes first.
// run: unsealed
#include "keys.h"
#include <sys/resource.h>

int main(void)
{
    begin();
    int32_t key = SYS(add("key", CPU_KEY)), other = SYS(syscall(__NR_add_key, "user", "other", "text", 4, (long)OWN_KEYRING));
    unsigned char *area = map(16 * PAGE), *shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fill(area, 16 * PAGE, 1);
    CASE("the length is a multiple of the page size");
    REFUSED(encrypt_mprotect(area, 100, RW, key), EINVAL);
    CASE("the length before the key");
    REFUSED(encrypt_mprotect(area, 100, RW, 0x7ffffff0), EINVAL);
    CASE("no such key");
    REFUSED(encrypt_mprotect(area, PAGE, RW, 0x7ffffff0), ENOKEY);
    CASE("the key before the address");
    REFUSED(encrypt_mprotect(area + 1, PAGE, RW, 0x7ffffff0), ENOKEY);
    CASE("a key of another type");
    REFUSED(encrypt_mprotect(area, PAGE, RW, other), EINVAL);
    REFUSED(encrypt_mprotect(area, PAGE, RW, KEY_SPEC_PROCESS_KEYRING), EINVAL);
    CASE("the address is a multiple of the page size");
    REFUSED(encrypt_mprotect(area + 1, PAGE, RW, key), EINVAL);
    CASE("growing down and up at once");
    REFUSED(encrypt_mprotect(area, PAGE, RW | PROT_GROWSDOWN | PROT_GROWSUP, key), EINVAL);
    CASE("growing down where nothing grows");
    REFUSED(encrypt_mprotect(area, PAGE, RW | PROT_GROWSDOWN, key), EINVAL);
    CASE("unknown protection");
    REFUSED(encrypt_mprotect(area, PAGE, 0x10000, key), EINVAL);
    CASE("length 0");
    CHECK(encrypt_mprotect(area, 0, RW, key) == 0, "length 0");
    CASE("beyond the address space");
    REFUSED(encrypt_mprotect(area, -PAGE, RW, key), ENOMEM);
    CASE("nothing is mapped at the start");
    REFUSED(encrypt_mprotect((void *)PAGE, PAGE, RW, key), ENOMEM);
    CASE("shared anonymous memory");
    REFUSED(encrypt_mprotect(shared, PAGE, RW, key), EINVAL);
    CASE("a file, private or shared");
    REFUSED(encrypt_mprotect((void *)((uintptr_t)main & -PAGE), PAGE, PROT_READ, key), EINVAL);
    int file = SYS(open("/proc/self/exe", O_RDONLY));
    unsigned char *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(mapped != MAP_FAILED, "mmap: %s", strerror(errno));
    REFUSED(encrypt_mprotect(mapped, PAGE, PROT_READ, key), EINVAL);
    CASE("secret memory");
    int secret = SYS(secretmemfd(SECRETMEM_EXCLUSIVE));
    SYS(ftruncate(secret, PAGE));
    REFUSED(encrypt_mprotect(mmap(NULL, PAGE, RW, MAP_SHARED, secret, 0), PAGE, RW, key), EINVAL);
    CASE("one VMA that is not anonymous keeps all from changing");
    CHECK(mmap(area + 8 * PAGE, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
    REFUSED(encrypt_mprotect(area, 16 * PAGE, RW, key), EINVAL);
    REFUSED(encrypt_mprotect(area, 16 * PAGE, PROT_READ, key), EINVAL);
    area[0] ^= 1, area[0] ^= 1;
    CASE("also behind a hole");
    SYS(munmap(area + 6 * PAGE, PAGE));
    REFUSED(encrypt_mprotect(area, 16 * PAGE, RW, key), EINVAL);
    CASE("an error that comes before any change changes nothing");
    verify(area, 6 * PAGE, 1, "after nothing but errors");
    CHECK(key_id_of(area) == 0, "KeyID %d", key_id_of(area));
    CASE("the split form: its own errors");
    REFUSED(sys_encrypt(key, area + 1, PAGE), EINVAL);
    REFUSED(sys_encrypt(key, area, 100), EINVAL);
    REFUSED(sys_encrypt(0x7ffffff0, area, PAGE), ENOKEY);
    REFUSED(sys_encrypt(key, shared, PAGE), EINVAL);
    REFUSED(sys_encrypt(key, area + 6 * PAGE, PAGE), ENOMEM);
    return finish("errors come in order");
}
