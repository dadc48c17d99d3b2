// All KeyIDs are used up and freed again; one that memory uses is not given to another key before the memory is gone.
// run: options=--keyid-bits,3
#include "keys.h"

int main(void)
{
    begin();
    int32_t keys[7];
    char name[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 7; i++) {
            sprintf(name, "key %d", i);
            keys[i] = SYS(add(name, CPU_KEY));
        }
        REFUSED(add("one too many", CPU_KEY), ENOKEY);
        SYS(control(KEYCTL_UNLINK, keys[3], OWN_KEYRING, 0, 0));
        sleep_milliseconds(500); // the kernel destroys keys when it comes to it
        keys[3] = SYS(add("another", CPU_KEY));
        for (int i = 0; i < 7; i++)
            drop(keys[i]);
    }

    for (int i = 0; i < 7; i++) {
        sprintf(name, "key %d", i);
        keys[i] = SYS(add(name, i & 1 ? USER_KEY : CPU_KEY));
    }
    unsigned char *area = map_with(4 * MiB, PROT_NONE, 0);
    SYS(encrypt_mprotect(area, 4 * MiB, RW, keys[2]));
    fill(area, 4 * MiB, 1);
    drop(keys[2]);
    REFUSED(encrypt_mprotect(area, 4 * MiB, RW, keys[2]), ENOKEY);
    settle();
    REFUSED(add("while in use", CPU_KEY), ENOKEY);
    verify(area, 4 * MiB, 1, "memory whose key was invalidated");
    SYS(munmap(area, MiB));
    REFUSED(add("still in use", CPU_KEY), ENOKEY);
    SYS(munmap(area + MiB, 3 * MiB));
    keys[2] = SYS(add("afterwards", CPU_KEY));
    return finish("KeyIDs go round");
}
