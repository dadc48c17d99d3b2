// Stores a page many times under a key that the test knows, then destroys the key.
#include "../KeyPrograms/keys.h"
#define TWEAK32 "abcdefabcdefabcdefabcdefabcdefab"

int main(void)
{
    int32_t key = SYS(add("known", "type=user algorithm=aes-xts-128 key=" HEX32 " tweak=" TWEAK32));
    unsigned char *area = map_with(MiB, PROT_NONE, 0);
    SYS(encrypt_mprotect(area, MiB, RW, key));
    memset(area, 0x5a, MiB);
    sleep_milliseconds(1500);
    printf("sealed\n");
    fflush(stdout);
    getchar();
    SYS(munmap(area, MiB));
    drop(key);
    sleep_milliseconds(500);
    printf("erased\n");
    fflush(stdout);
    getchar();
    return 0;
}
