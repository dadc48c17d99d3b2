// The demonstration of the patch series' documentation: memory that is stored under a key of its own.
//
//   gcc -I include -o encrypt_mprotect examples/encrypt_mprotect.c
//   strongroom run -- ./encrypt_mprotect
//
// Without Strongroom the calls are not there, and the program goes on with plain memory.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "strongroom.h"

int main(void)
{
    const size_t size = 4096;
    const int32_t process_keyring = -2;

    // Not accessible before it is encrypted: nothing can come to lie there in clear.
    char *secret = mmap(NULL, size, PROT_NONE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (secret == MAP_FAILED) {
        perror("mmap");
        return 1;
    }

    int32_t key = strongroom_add_key("example", "type=cpu algorithm=aes-xts-128", process_keyring);
    int is_encrypted = key > 0 && encrypt_mprotect(secret, size, PROT_READ | PROT_WRITE, key) == 0;
    if (!is_encrypted) {
        if (errno != ENODEV && errno != ENOSYS && errno != EACCES) {
            perror("encrypt_mprotect");
            return 1;
        }
        printf("memory encryption is not there (%s): plain memory\n", strerror(errno));
        if (mprotect(secret, size, PROT_READ | PROT_WRITE) != 0)
            return 1;
    }

    strcpy(secret, "the launch code");
    printf("%s memory holds: %s\n", is_encrypted ? "encrypted" : "plain", secret);

    munmap(secret, size);
    if (is_encrypted)
        syscall(SYS_keyctl, 21, key); // KEYCTL_INVALIDATE
    return 0;
}
