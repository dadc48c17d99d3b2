// Times system calls; one line each: name, nanoseconds a call. "series" adds the calls that only Strongroom answers.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "../../../include/strongroom.h"

#define RW (PROT_READ | PROT_WRITE)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

#define TIME(name, times, ...) do { \
    double began_ = now(); \
    for (int i = 0; i < (times); i++) { __VA_ARGS__; } \
    printf("%s %.1f\n", name, (now() - began_) / (times)); \
    fflush(stdout); } while (0)

int main(int argc, char **argv)
{
    char byte = 0, name[32];
    int zero = open("/dev/zero", O_RDWR);
    TIME("getpid", 1000000, syscall(SYS_getpid));
    TIME("read", 500000, (void)!read(zero, &byte, 1));
    TIME("write", 500000, (void)!write(zero, &byte, 1));
    TIME("ioctl", 500000, ioctl(zero, 0x5401, &byte));
    TIME("mmap", 20000, munmap(mmap(NULL, 4096, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096));
    int file = open("/proc/self/exe", O_RDONLY);
    TIME("shared", 2000, munmap(mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0), 4096));
    TIME("keyctl", 2000, syscall(SYS_keyctl, 0, -3, 0)); // KEYCTL_GET_KEYRING_ID: a call that is reported, and passed on

    for (size_t size = 4096; size <= 1ul << 30; size *= 64) {
        char *memory = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        sprintf(name, "mprotect %zu", size);
        TIME(name, 200, mprotect(memory, size, i & 1 ? RW : PROT_READ));
        munmap(memory, size);
    }
    if (argc < 2 || strcmp(argv[1], "series") != 0)
        return 0;

    int one = strongroom_add_key("one", "type=cpu algorithm=aes-xts-128", -2), two = strongroom_add_key("two", "type=no-encrypt", -2);
    for (size_t size = 4096; size <= 1ul << 30; size *= 64) {
        char *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (encrypt_mprotect(memory, size, RW, one) != 0)
            return 1;
        sprintf(name, "encrypt_mprotect %zu", size);
        TIME(name, 200, if (encrypt_mprotect(memory, size, RW, i & 1 ? one : two) != 0) return 1);
        munmap(memory, size);
    }
    TIME("add_key", 500, sprintf(name, "key %d", i); if (strongroom_add_key(name, "type=cpu algorithm=aes-xts-128", -2) < 0) return 1);
    return 0;
}
