// A program that serves its own page faults: it works, or the call is refused with an error; memory stays right.
// run: cflags=-pthread
#include "common.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>

enum { Pages = 64 };
static int uffd;
static unsigned char *served;

static void *serve(void *argument)
{
    (void)argument;
    unsigned char *page = map(PAGE);
    for (;;) {
        struct pollfd p = { uffd, POLLIN, 0 };
        struct uffd_msg message;
        if (poll(&p, 1, 10000) <= 0 || read(uffd, &message, sizeof message) != (ssize_t)sizeof message)
            continue;
        CHECK(message.event == UFFD_EVENT_PAGEFAULT, "event %x", message.event);
        uintptr_t at = message.arg.pagefault.address & -PAGE;
        fill_from(page, PAGE, 4, (at - (uintptr_t)served) / 8);
        struct uffdio_copy copy = { .dst = at, .src = (uintptr_t)page, .len = PAGE };
        if (ioctl(uffd, UFFDIO_COPY, &copy) < 0)
            CHECK(errno == EEXIST, "UFFDIO_COPY: %s", strerror(errno));
    }
}

int main(void)
{
    begin();
    unsigned char *area = map(MiB);
    fill(area, MiB, 1);
    settle();
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    struct uffdio_api api = { .api = UFFD_API };
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0) {
        fprintf(stderr, "userfaultfd was refused: %s\n", strerror(errno));
        verify(area, MiB, 1, "memory after a refusal");
        return finish("faults were served or refused");
    }
    served = map(Pages * PAGE);
    struct uffdio_register range = { { (uintptr_t)served, Pages * PAGE }, UFFDIO_REGISTER_MODE_MISSING, 0 };
    if (ioctl(uffd, UFFDIO_REGISTER, &range) < 0) {
        fprintf(stderr, "registration was refused: %s\n", strerror(errno));
        return finish("faults were served or refused");
    }
    (void)spawn(serve, NULL);
    for (int round = 0; round < 4; round++) {
        verify(served, Pages * PAGE, 4, "pages served by the program itself");
        settle();
        verify(served, Pages * PAGE, 4, "pages served by the program itself, later");
        SYS(madvise(served, Pages / 2 * PAGE, MADV_DONTNEED));
        verify(area, MiB, 1, "other memory");
    }
    // Memory that is sealed, and lies in the middle of what is covered: two handlers meet.
    for (int round = 0; round < 8; round++) {
        settle();
        range.range = (struct uffdio_range){ (uintptr_t)area + MiB / 4, MiB / 2 };
        SYS(ioctl(uffd, UFFDIO_REGISTER, &range));
        verify(area, MiB, 1, "memory registered by the program itself");
        settle();
        verify(area, MiB, 1, "memory registered by the program itself, later");
        verify_in_child(area, MiB, 1, "memory registered by the parent itself");
        SYS(ioctl(uffd, UFFDIO_UNREGISTER, &range.range));
    }
    return finish("faults were served or refused");
}
