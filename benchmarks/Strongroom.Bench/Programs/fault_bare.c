// The same touches as fault_sealed, served by another process that only copies a page: the floor for any pager.
// usage: fault_bare MEBIBYTES TOUCHES
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "warm.h"

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void serve(int uffd)
{
    static char page[4096] __attribute__((aligned(4096)));
    memset(page, 7, sizeof page);
    for (;;) {
        struct pollfd ready = { .fd = uffd, .events = POLLIN };
        poll(&ready, 1, -1);
        struct uffd_msg message;
        while (read(uffd, &message, sizeof message) == sizeof message) {
            struct uffdio_copy copy = {
                .dst = message.arg.pagefault.address & ~4095ULL, .src = (uint64_t)page, .len = 4096,
            };
            ioctl(uffd, UFFDIO_COPY, &copy);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    size_t pages = (size_t)atol(argv[1]) * 256;
    long touches = atol(argv[2]);
    int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    struct uffdio_api api = { .api = UFFD_API };
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
        return 1;
    volatile uint64_t *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {
        .range = { .start = (uint64_t)p, .len = pages * 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    madvise((void *)p, pages * 4096, MADV_NOHUGEPAGE);
    if (ioctl(uffd, UFFDIO_REGISTER, &range))
        return 1;

    warm_free_memory();
    pid_t server = fork();
    if (server == 0)
        serve(uffd);
    size_t stride = pages / (size_t)touches;
    for (long i = 0; i < touches; i++) {
        uint64_t start = now();
        uint64_t value = p[(size_t)i * stride * 512];
        uint64_t end = now();
        if (value != 0x0707070707070707u)
            return 3;
        printf("%lu\n", (unsigned long)(end - start));
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
