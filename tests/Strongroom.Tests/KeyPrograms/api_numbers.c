// encrypt_mprotect at the number of the series' last posting.
// run: options=--syscall,encrypt_mprotect=434 cflags=-D__NR_encrypt_mprotect=434
#include "keys.h"

int main(void)
{
    begin();
    CASE("the series' own number");
    int32_t key = SYS(add("key", CPU_KEY));
    unsigned char *area = map_with(MiB, PROT_NONE, 0);
    SYS(encrypt_mprotect(area, MiB, RW, key));
    fill(area, MiB, 1);
    settle();
    verify(area, MiB, 1, "memory under a key");
    REFUSED(syscall(8434, area, MiB, RW, key), ENOSYS);
    return finish("at its own number");
}
