// Calls on sockets that have a timeout end with it, or with what they wait for: never with EINTR while no signal has come. With a timeout
// the kernel does not restart them after a stop (signal(7)).
#include "common.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum { Ways = 6, Milliseconds = 400 };
static int connected[2], listener, full[2];

static long wait_in(int way)
{
    char bytes[16] = { 0 };
    struct iovec part = { bytes, sizeof bytes };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    switch (way) {
    case 0: return read(connected[0], bytes, sizeof bytes);
    case 1: return recv(connected[0], bytes, sizeof bytes, 0);
    case 2: return recvmsg(connected[0], &message, 0);
    case 3: return accept(listener, NULL, NULL);
    case 4: return write(full[0], bytes, sizeof bytes);
    default: return sendmsg(full[0], &message, 0);
    }
}

static void wait_once(int way)
{
    double began = seconds();
    long result = wait_in(way);
    CHECK(result == -1 && errno == EAGAIN, "way %d ended after %.0f ms with %ld: %s", way, (seconds() - began) * 1e3, result, strerror(errno));
    CHECK(seconds() - began > Milliseconds / 1e3 - 0.05, "way %d waited %.0f ms", way, (seconds() - began) * 1e3);
}

int main(void)
{
    begin();
    struct timeval timeout = { 0, Milliseconds * 1000 };
    SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, connected));
    SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, full));
    listener = SYS(socket(AF_INET, SOCK_STREAM, 0));
    SYS(listen(listener, 1));
    static char much[64 * KiB];
    while (send(full[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    while (send(full[0], much, 1, MSG_DONTWAIT) > 0)
        ;
    SYS(setsockopt(connected[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    SYS(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    SYS(setsockopt(full[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout));
    for (int way = 0; way < Ways; way++) {
        pid_t child = SYS(fork()); // a process that is young, and is stopped while it waits
        if (child == 0) {
            fill(map(64 * PAGE), 64 * PAGE, way);
            wait_once(way);
            _exit(0);
        }
        reap_good(child, "a process that waits");
    }
    return finish("every wait ended by its timeout");
}
