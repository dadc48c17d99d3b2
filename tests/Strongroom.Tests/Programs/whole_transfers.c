// run: cflags=-pthread window=2M idle=10ms
// A call that moves much and sleeps meanwhile moves all of it, each byte once, unless a handler runs: stops and ignored signals cut nothing short.
#include "common.h"
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { Bytes = 2 << 20, Rounds = 12 };
static unsigned char *data;
static int file, ends[2];

static void *drain(void *unused)
{
    (void)unused;
    unsigned char *got = map(Bytes);
    for (int round = 0; round < Rounds; round++) {
        for (ssize_t have = 0, more; have < Bytes; have += more) {
            more = SYS(read(ends[0], got + have, Bytes - (size_t)have));
            CHECK(more > 0, "the end after %zd bytes of round %d", have, round);
        }
        CHECK(memcmp(got, data, Bytes) == 0, "round %d came otherwise than it was sent", round);
    }
    return NULL;
}

static void *drop(void *unused)
{
    (void)unused;
    unsigned char *area = map(MiB);
    for (;;) {
        memset(area, 1, MiB);
        SYS(madvise(area, MiB, MADV_DONTNEED));
        sleep_milliseconds(2);
    }
}

static ssize_t send_by_write(void) { return write(ends[1], data, Bytes); }
static ssize_t send_by_sendto(void) { return send(ends[1], data, Bytes, 0); }
static ssize_t send_by_sendfile(void) { return sendfile(ends[1], file, &(off_t){ 0 }, Bytes); }

static const struct { const char *name; bool is_socket; ssize_t (*send)(void); } ways[] = {
    { "write to a pipe", false, send_by_write },
    { "write to a socket", true, send_by_write },
    { "sendto", true, send_by_sendto },
    { "sendfile", true, send_by_sendfile },
};

static void on_alarm(int signal) { (void)signal; }

// What a handler cuts short stays so.
static void check_handler(void)
{
    int pipe_ends[2];
    SYS(pipe(pipe_ends));
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL));
    SYS(setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 200000 }, NULL));
    ssize_t sent = write(pipe_ends[1], data, Bytes);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL); // for other threads not to take it
    CHECK(sent > 0 && sent < Bytes, "a write that a handler ended gave %zd", sent);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

int main(void)
{
    begin();
    data = map(Bytes);
    fill(data, Bytes, 5);
    file = SYS(memfd_create("bytes", MFD_CLOEXEC));
    CHECK(write(file, data, Bytes) == Bytes, "the file was not written");
    pid_t self = getpid(), nuisance = SYS(fork());
    if (nuisance == 0) {
        while (syscall(SYS_tgkill, self, self, SIGURG) == 0) // ignored
            sleep_milliseconds(1);
        _exit(0);
    }
    check_handler();
    spawn(drop, NULL);
    for (size_t w = 0; w < COUNT(ways); w++) {
        SYS(ways[w].is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC));
        pthread_t reader = spawn(drain, NULL);
        for (int round = 0; round < Rounds; round++) {
            ssize_t sent = ways[w].send();
            CHECK(sent == Bytes, "%s: %zd of %d bytes, round %d: %s", ways[w].name, sent, Bytes, round, strerror(errno));
        }
        join(reader);
        close(ends[0]);
        close(ends[1]);
        ssize_t random = getrandom(data, Bytes, 0);
        CHECK(random == Bytes, "getrandom gave %zd", random);
        SYS(pwrite(file, data, Bytes, 0));
        check_handler();
    }
    end_child(nuisance);
    return finish("all was moved");
}
