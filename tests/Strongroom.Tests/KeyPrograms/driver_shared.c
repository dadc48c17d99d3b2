// A descriptor that owns a key is shared by fork and by passing it; both sides see one memory, sealed when neither uses it.
#include "keys.h"
#include <sys/socket.h>
enum { Length = 16 << 12 };

static unsigned char *view(int fd)
{
    unsigned char *area = mmap(NULL, Length, RW, MAP_SHARED, fd, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    return area;
}

static void send_descriptor(int socket, int fd)
{
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = { 0 };
    struct iovec part = { &byte, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    SYS(sendmsg(socket, &message, 0));
}

static int receive_descriptor(int socket)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = { &byte, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    SYS(recvmsg(socket, &message, 0));
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

int main(void)
{
    begin();
    CASE("a passed descriptor: two processes, one memory");
    int sockets[2];
    SYS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
    pid_t other = SYS(fork());
    close(sockets[other == 0 ? 0 : 1]);
    if (other == 0) { // got no descriptor and no mapping by fork
        unsigned char *ballast_of_mine = map(MiB), *area = view(receive_descriptor(sockets[1]));
        fill(ballast_of_mine, MiB, 8);
        for (int i = 0; i < 4; i++) {
            char go;
            SYS(read(sockets[1], &go, 1));
            verify(area, Length, 10 + i, "what the other side wrote");
            fill(area, Length, 20 + i);
            SYS(write(sockets[1], &go, 1));
        }
        _exit(0);
    }

    int fd = SYS(strongroom_open(0));
    SYS(strongroom_set_key(fd, SYS(add("key", USER_KEY))));
    SYS(ftruncate(fd, Length));
    unsigned char *area = view(fd);
    send_descriptor(sockets[0], fd);
    for (int i = 0; i < 4; i++) {
        char go = 0;
        fill(area, Length, 10 + i);
        sleep_milliseconds(i % 2 ? 700 : 0);
        SYS(write(sockets[0], &go, 1));
        SYS(read(sockets[0], &go, 1));
        sleep_milliseconds(i % 2 ? 700 : 0);
        verify(area, Length, 20 + i, "what came back");
    }
    reap_good(other, "the other side");
    CASE("over fork, sealed or not");

    fill(area, Length, 3);
    sleep_milliseconds(700);
    for (int i = 0; i < 4; i++) {
        pid_t child = SYS(fork()); // of a sealed file, in three of four
        if (child == 0) {
            verify(area, Length, 3 + i, "a child's view");
            fill(area, Length, 4 + i);
            _exit(0);
        }
        reap_good(child, "a child");
        verify(area, Length, 4 + i, "what the child wrote");
        sleep_milliseconds(i ? 700 : 0);
    }

    CASE("unmapped everywhere, and mapped again");
    SYS(munmap(area, Length));
    sleep_milliseconds(700); // nobody maps it: it is sealed, and opened for the next who does
    area = view(fd);
    verify(area, Length, 7, "mapped again");
    return finish("one memory, several processes");
}
