// A signal that is ignored interrupts nothing; not the calls either that signal(7) lists as ending with EINTR whatever the handler.
#include "common.h"
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>

enum { Milliseconds = 60 };
static const struct timespec some_time = { 0, Milliseconds * 1000000L };

static long wait_epoll(void)
{
    static int epoll = -1;
    epoll = epoll < 0 ? (int)SYS(epoll_create1(EPOLL_CLOEXEC)) : epoll;
    return epoll_wait(epoll, &(struct epoll_event){ 0 }, 1, Milliseconds) == 0 ? EAGAIN : errno;
}

static long wait_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, NULL, &some_time) < 0 ? errno : 0;
}

static long wait_semaphore(void)
{
    static int semaphore = -1;
    semaphore = semaphore < 0 ? (int)SYS(semget(IPC_PRIVATE, 1, 0600)) : semaphore;
    long error = semtimedop(semaphore, &(struct sembuf){ .sem_op = -1 }, 1, &some_time) < 0 ? errno : 0;
    SYS(semctl(semaphore, 0, IPC_RMID));
    semaphore = -1;
    return error;
}

static long wait_socket(void)
{
    int pair[2];
    SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    struct timeval limit = { 0, Milliseconds * 1000 };
    SYS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    char byte;
    long error = recv(pair[0], &byte, 1, 0) < 0 ? errno : 0;
    close(pair[0]);
    close(pair[1]);
    return error;
}

static const struct { const char *name; long (*wait)(void); } waits[] = {
    { "epoll_wait", wait_epoll }, { "sigtimedwait", wait_signal }, { "semtimedop", wait_semaphore }, { "recv", wait_socket },
};

int main(void)
{
    begin();
    SYS(signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -1 : 0);
    static const int signals[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGUSR1 };
    pid_t self = getpid();
    for (size_t w = 0; w < COUNT(waits); w++)
        for (size_t s = 0; s < COUNT(signals); s++) {
            pid_t child = SYS(fork());
            if (child == 0) {
                for (int i = 0; i < 3; i++) {
                    sleep_milliseconds(Milliseconds / 5);
                    if (signals[s] != SIGCHLD)
                        kill(self, signals[s]);
                }
                _exit(0); // and SIGCHLD
            }
            long error = waits[w].wait();
            CHECK(error == EAGAIN, "%s amid %s: %s", waits[w].name, strsignal(signals[s]), strerror(error));
            reap_good(child, "the child");
        }
    return finish("nothing was interrupted");
}
