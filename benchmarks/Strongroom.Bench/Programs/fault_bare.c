// The same touches as fault_sealed, served by another process that only copies a page: the floor for any pager.
// usage: fault_bare MEBIBYTES TOUCHES ROUNDS one|each
// one: always the same page, which stays in the cache; each: every page from a place of its own, as a pager must that brings back what was there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "touches.h"

static uint64_t expected(size_t page)
{
    (void)page;
    return 0x0707070707070707u;
}

static void serve(int uffd, uint64_t first, const char *store, uint64_t distance)
{
    for (;;) {
        struct pollfd ready = { .fd = uffd, .events = POLLIN };
        poll(&ready, 1, -1);
        struct uffd_msg message;
        while (read(uffd, &message, sizeof message) == sizeof message) {
            uint64_t page = message.arg.pagefault.address & ~4095ULL;
            struct uffdio_copy copy = {
                .dst = page, .src = (uint64_t)store + (page - first) * distance, .len = 4096,
            };
            ioctl(uffd, UFFDIO_COPY, &copy);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int each = strcmp(argv[4], "each") == 0;
    size_t pages = (size_t)atol(argv[1]) * 256;
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

    size_t stored = (each ? pages : 1) * 4096;
    char *store = mmap(NULL, stored, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (store == MAP_FAILED)
        return 1;
    madvise(store, stored, MADV_NOHUGEPAGE);
    memset(store, 7, stored);

    pid_t server = fork();
    if (server == 0)
        serve(uffd, (uint64_t)p, store, each);
    int status = touch_pages(p, pages, atol(argv[2]), atoi(argv[3]), expected);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return status;
}
