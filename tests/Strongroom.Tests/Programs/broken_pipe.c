// run: cflags=-pthread window=1M idle=10ms
// A transfer that fails half way tells how much it moved, and sends the signal for it once: where that is ignored nothing is tried again.
#include "common.h"
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

enum { Bytes = 1 << 20, Limit = 300000 };
static unsigned char *data;

static void *read_some(void *descriptor)
{
    unsigned char some[20000];
    SYS(read(*(int *)descriptor, some, sizeof some));
    sleep_milliseconds(20);
    SYS(close(*(int *)descriptor));
    return NULL;
}

static ssize_t transfer(bool is_socket, bool is_sendfile, int file)
{
    int ends[2];
    SYS(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends));
    pthread_t reader = spawn(read_some, &ends[0]);
    ssize_t moved = is_sendfile ? sendfile(ends[1], file, &(off_t){ 0 }, Bytes) : write(ends[1], data, Bytes);
    int error = errno;
    join(reader);
    CHECK(moved > 0 || error == EPIPE, "errno %d", error);
    CHECK(write(ends[1], data, Bytes) == -1 && errno == EPIPE, "a second write went into a pipe that nobody reads");
    SYS(close(ends[1]));
    return moved;
}

int main(void)
{
    SYS(signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0);
    SYS(signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0);
    data = map(Bytes);
    memset(data, 7, Bytes);
    int file = (int)SYS(memfd_create("source", 0));
    CHECK(write(file, data, Bytes) == Bytes, "memory would not take it");
    begin();

    for (int round = 0; round < 5; round++) {
        CHECK(transfer(false, false, file) > 0, "write said nothing of what went into the pipe");
        CHECK(transfer(false, true, file) > 0, "sendfile said nothing of what went into the pipe");
        transfer(true, false, file);
        transfer(true, true, file);
    }

    FILE *small = tmpfile();
    CHECK(small != NULL, "no file");
    SYS(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ Limit, RLIM_INFINITY }));
    ssize_t moved = sendfile(fileno(small), file, &(off_t){ 0 }, Bytes);
    CHECK(moved == Limit, "sendfile moved %zd bytes into a file that may have %d", moved, Limit);
    CHECK(write(fileno(small), data, Bytes) == -1 && errno == EFBIG, "a write beyond the limit: errno %d", errno);
    return finish("every failed transfer said what it moved");
}
