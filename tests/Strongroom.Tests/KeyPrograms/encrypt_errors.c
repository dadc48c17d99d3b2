// encrypt_mprotect: every error, and which check comes first.
// run: unsealed
#include "keys.h"
#include <sys/resource.h>

int main(void)
{
    begin();
    int32_t key = SYS(add("key", CPU_KEY));
    unsigned char *area = map(16 * PAGE), *shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fill(area, 16 * PAGE, 1);
    REFUSED(encrypt_mprotect(area, 100, RW, 0x7ffffff0), EINVAL);          // the length before the key
    REFUSED(encrypt_mprotect(area + 1, PAGE, RW, 0x7ffffff0), ENOKEY);     // the key before the address
    REFUSED(encrypt_mprotect(area + 1, PAGE, RW, KEY_SPEC_PROCESS_KEYRING), EINVAL);
    REFUSED(encrypt_mprotect(area + 1, PAGE, RW, key), EINVAL);
    REFUSED(encrypt_mprotect(area, PAGE, RW | PROT_GROWSDOWN | PROT_GROWSUP, key), EINVAL);
    REFUSED(encrypt_mprotect(area, PAGE, RW | PROT_GROWSDOWN, key), EINVAL);
    REFUSED(encrypt_mprotect(area, PAGE, 0x10000, key), EINVAL);
    REFUSED(encrypt_mprotect(area, -PAGE, RW, key), ENOMEM);
    REFUSED(encrypt_mprotect((void *)PAGE, PAGE, RW, key), ENOMEM);
    REFUSED(encrypt_mprotect(shared, PAGE, RW, key), EINVAL);
    REFUSED(encrypt_mprotect((void *)((uintptr_t)main & -PAGE), PAGE, PROT_READ, key), EINVAL);
    CHECK(encrypt_mprotect(area, 0, RW, key) == 0, "length 0");
    verify(area, 16 * PAGE, 1, "after nothing but errors");
    REFUSED(sys_encrypt(key, area + 1, PAGE), EINVAL);
    REFUSED(sys_encrypt(1, area, PAGE), ENOKEY);
    return finish("errors come in order");
}
