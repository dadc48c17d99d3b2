// io_uring with registered buffers: the kernel holds the pages and moves data while nobody touches them.
#include "common.h"
#include <linux/io_uring.h>
#include <sys/uio.h>

enum { Pages = 128, Entries = 16 };
static struct io_uring_params parameters;
static unsigned char *ring;
static struct io_uring_sqe *submissions;
static int fd;

static unsigned *ring_word(unsigned offset)
{
    return (unsigned *)(ring + offset);
}

static int submit_and_wait(int operation, int file, void *buffer, unsigned length, unsigned long offset, int index)
{
    unsigned tail = *ring_word(parameters.sq_off.tail), mask = *ring_word(parameters.sq_off.ring_mask);
    struct io_uring_sqe *s = &submissions[tail & mask];
    memset(s, 0, sizeof *s);
    s->opcode = operation, s->fd = file, s->addr = (uintptr_t)buffer, s->len = length, s->off = offset;
    s->buf_index = index, s->user_data = tail + 1000;
    ring_word(parameters.sq_off.array)[tail & mask] = tail & mask;
    __atomic_store_n(ring_word(parameters.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    long n;
    while ((n = syscall(__NR_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0)) < 0 && errno == EINTR)
        ;
    CHECK(n >= 0, "io_uring_enter: %s", strerror(errno));
    unsigned head = *ring_word(parameters.cq_off.head);
    CHECK(__atomic_load_n(ring_word(parameters.cq_off.tail), __ATOMIC_ACQUIRE) != head, "nothing was completed");
    struct io_uring_cqe *c = (struct io_uring_cqe *)(ring + parameters.cq_off.cqes)
        + (head & *ring_word(parameters.cq_off.ring_mask));
    CHECK(c->user_data == tail + 1000, "another completion arrived");
    int result = c->res;
    __atomic_store_n(ring_word(parameters.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return result;
}

int main(void)
{
    begin();
    fd = syscall(__NR_io_uring_setup, Entries, &parameters);
    if (fd < 0)
        return finish("devices and registered pages agree");    // Forbidden here; nothing to hold pages with.
    size_t size = parameters.sq_off.array + parameters.sq_entries * 4;
    size_t other = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    CHECK(parameters.features & IORING_FEAT_SINGLE_MMAP, "two rings are not written for");
    ring = mmap(NULL, size > other ? size : other, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    submissions = mmap(NULL, parameters.sq_entries * sizeof *submissions, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
        IORING_OFF_SQES);
    CHECK(ring != MAP_FAILED && submissions != MAP_FAILED, "mmap of the rings: %s", strerror(errno));
    int file = SYS(memfd_create("file", MFD_CLOEXEC));
    unsigned char *held = map(Pages * PAGE), *loose = map(Pages * PAGE);
    fill(held, Pages * PAGE, 1);
    settle();
    struct iovec vector = { held, Pages * PAGE };
    SYS(syscall(__NR_io_uring_register, fd, IORING_REGISTER_BUFFERS, &vector, 1));
    for (int round = 0; round < 6; round++) {
        fill(held, Pages * PAGE, round);
        fill(loose, Pages * PAGE, 100 + round);
        settle();
        int n = submit_and_wait(IORING_OP_WRITE_FIXED, file, held, Pages * PAGE, 0, 0);
        CHECK(n == (int)(Pages * PAGE), "a registered write gave %d", n);
        n = submit_and_wait(IORING_OP_WRITE, file, loose, Pages * PAGE, Pages * PAGE, 0);
        CHECK(n == (int)(Pages * PAGE), "a plain write gave %d", n);
        memset(held, 0, Pages * PAGE);
        memset(loose, 0, Pages * PAGE);
        settle();
        n = submit_and_wait(IORING_OP_READ_FIXED, file, held, Pages * PAGE, Pages * PAGE, 0);
        CHECK(n == (int)(Pages * PAGE), "a registered read gave %d", n);
        verify(held, Pages * PAGE, 100 + round, "registered pages that the kernel wrote");
        settle();
        n = submit_and_wait(IORING_OP_READ, file, loose, Pages * PAGE, 0, 0);
        CHECK(n == (int)(Pages * PAGE), "a plain read gave %d", n);
        verify(loose, Pages * PAGE, round, "plain pages that the kernel wrote");
    }
    SYS(syscall(__NR_io_uring_register, fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
    settle();
    verify(held, Pages * PAGE, 105, "pages after they were released");
    return finish("devices and registered pages agree");
}
