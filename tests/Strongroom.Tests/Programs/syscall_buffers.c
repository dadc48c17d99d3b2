// System calls read from and write into memory that is sealed: files, pipes, vectors, sockets, metadata.
#include "common.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/eventfd.h>

enum { Pages = 64 };
static unsigned char *from, *to;
static int file;

static void fresh(void)
{
    fill(from, Pages * PAGE, 5);
    memset(to, 0x11, Pages * PAGE);
    settle();
}

static void files(void)
{
    fresh();
    CHECK(SYS(pwrite(file, from, Pages * PAGE, 0)) == (long)(Pages * PAGE), "a short write");
    CHECK(SYS(pread(file, to, Pages * PAGE, 0)) == (long)(Pages * PAGE), "a short read");
    verify(to, Pages * PAGE, 5, "what pread brought");
    fresh();
    struct iovec *vector = (void *)from, out[Pages];
    for (int i = 0; i < Pages; i++)      // The vector itself lies in sealed memory.
        vector[i] = (struct iovec){ to + (Pages - 1 - i) * PAGE, PAGE }, out[i] = vector[i];
    settle();
    CHECK(SYS(preadv(file, vector, Pages, 0)) == (long)(Pages * PAGE), "a short preadv");
    for (int i = 0; i < Pages; i++)
        verify_from(out[i].iov_base, PAGE, 5, i * (PAGE / 8), "what preadv brought");
    settle();
    CHECK(SYS(pwritev(file, out, Pages, 0)) == (long)(Pages * PAGE), "a short pwritev");
    char *name = (char *)to + 3 * PAGE - 5;         // A path across a page border.
    strcpy(name, "/proc/self/stat");
    struct stat *information = (void *)(to + 10 * PAGE - 16);
    settle();
    SYS(stat(name, information));
    CHECK(S_ISREG(information->st_mode), "stat says mode %o", information->st_mode);
    settle();
    CHECK(getcwd((char *)to + 20 * PAGE, 4096) != NULL, "getcwd: %s", strerror(errno));
    SYS(uname((struct utsname *)(to + 30 * PAGE - 100)));
    CHECK(!strcmp((char *)to + 30 * PAGE - 100, "Linux"), "uname gave '%s'", to + 30 * PAGE - 100);
}

static void pipes(void)
{
    int ends[2];
    SYS(pipe(ends));
    for (int i = 0; i < 6; i++) {
        fresh();
        CHECK(SYS(write(ends[1], from + i * PAGE, 12 * PAGE)) == (long)(12 * PAGE), "a short write to a pipe");
        settle();
        CHECK(SYS(read(ends[0], to + i, 12 * PAGE)) == (long)(12 * PAGE), "a short read from a pipe");
        memmove(to, to + i, 12 * PAGE);
        verify_from(to, 12 * PAGE, 5, i * (PAGE / 8), "what came through a pipe");
    }
    // vmsplice lends pages to the pipe: they are read later, as they are then or were.
    fresh();
    struct iovec lent = { from, 8 * PAGE };
    CHECK(SYS(vmsplice(ends[1], &lent, 1, 0)) == (long)(8 * PAGE), "a short vmsplice");
    settle();
    CHECK(SYS(read(ends[0], to, 8 * PAGE)) == (long)(8 * PAGE), "a short read of lent pages");
    verify(to, 8 * PAGE, 5, "pages lent to a pipe");
    verify(from, Pages * PAGE, 5, "pages after they were lent");
}

static void sockets(void)
{
    int pair[2];
    SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    fresh();
    int passed[2] = { file, -1 };
    struct { struct msghdr header; struct iovec vector; char control[64]; } *out = (void *)(to + 2 * PAGE - 40),
        *in = (void *)(to + 5 * PAGE - 40);
    memset(out, 0, sizeof *out);
    memset(in, 0, sizeof *in);
    out->vector = (struct iovec){ from, 8 * PAGE };
    out->header = (struct msghdr){ .msg_iov = &out->vector, .msg_iovlen = 1, .msg_control = out->control,
        .msg_controllen = CMSG_SPACE(sizeof(int)) };
    struct cmsghdr *control = CMSG_FIRSTHDR(&out->header);
    *control = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(control), passed, sizeof(int));
    settle();
    CHECK(SYS(sendmsg(pair[0], &out->header, 0)) == (long)(8 * PAGE), "a short sendmsg");
    in->vector = (struct iovec){ to + 16 * PAGE, 8 * PAGE };
    in->header = (struct msghdr){ .msg_iov = &in->vector, .msg_iovlen = 1, .msg_control = in->control,
        .msg_controllen = sizeof in->control };
    settle();
    CHECK(SYS(recvmsg(pair[1], &in->header, MSG_WAITALL)) == (long)(8 * PAGE), "a short recvmsg");
    verify(to + 16 * PAGE, 8 * PAGE, 5, "what recvmsg brought");
    control = CMSG_FIRSTHDR(&in->header);
    CHECK(control && control->cmsg_type == SCM_RIGHTS, "no descriptor arrived");
    memcpy(passed + 1, CMSG_DATA(control), sizeof(int));
    SYS(fcntl(passed[1], F_GETFD));
    SYS(close(passed[1]));
}

static void randomness_and_events(void)
{
    fresh();
    CHECK(SYS(getrandom(to, Pages * PAGE, 0)) == (long)(Pages * PAGE), "a short getrandom");
    for (int page = 0; page < Pages; page++) {
        int same = 0;
        for (size_t i = 0; i < PAGE; i++)
            same += to[page * PAGE + i] == 0x11;
        CHECK(same < 100, "page %d is not random", page);
    }
    int event = SYS(eventfd(0, EFD_NONBLOCK)), epoll = SYS(epoll_create1(0));
    struct epoll_event *events = (void *)(to + 4 * PAGE - 20);
    events[0] = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 0x1234567 };
    settle();
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, event, events));
    memset(events, 0, 64);
    settle();
    CHECK(SYS(epoll_wait(epoll, events, 8, 0)) == 0, "an event out of nothing");
    SYS(write(event, &(uint64_t){ 1 }, 8));
    settle();
    CHECK(SYS(epoll_wait(epoll, events, 8, 1000)) == 1 && events[0].data.u64 == 0x1234567, "the event was lost");
    struct pollfd *polled = (void *)(to + 9 * PAGE - 12);
    for (int i = 0; i < 100; i++)
        polled[i] = (struct pollfd){ .fd = event, .events = i % 2 ? POLLIN : POLLPRI };
    settle();
    CHECK(SYS(poll(polled, 100, 0)) == 50, "poll counted wrong");
    for (int i = 0; i < 100; i++)
        CHECK((polled[i].revents != 0) == (i % 2 == 1), "poll marked entry %d wrongly", i);
    SYS(close(event));
    SYS(close(epoll));
}

int main(void)
{
    begin();
    from = map(Pages * PAGE), to = map(Pages * PAGE);
    file = SYS(memfd_create("data", MFD_CLOEXEC));
    files();
    SYS(pwrite(file, (fill(from, Pages * PAGE, 5), from), Pages * PAGE, 0));
    pipes();
    sockets();
    randomness_and_events();
    return finish("system calls found their buffers");
}
