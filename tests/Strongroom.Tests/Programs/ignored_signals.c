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

static long wait_epoll_masked(void)
{
    static int epoll = -1;
    epoll = epoll < 0 ? (int)SYS(epoll_create1(EPOLL_CLOEXEC)) : epoll;
    return epoll_pwait(epoll, &(struct epoll_event){ 0 }, 1, Milliseconds, NULL) == 0 ? EAGAIN : errno;
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
    { "epoll_wait", wait_epoll }, { "epoll_pwait", wait_epoll_masked }, { "sigtimedwait", wait_signal }, { "semtimedop", wait_semaphore },
    { "recv", wait_socket },
};

/** More often than a wait may last, for much longer than that: whoever begins it again each time never sees its end. */
static void time_out_amid_a_storm(size_t which, int signal, pid_t self)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        for (int i = 0; i < 300; i++) {
            sleep_milliseconds(Milliseconds / 3);
            kill(self, signal);
        }
        _exit(0);
    }
    sigset_t before, after;
    sigprocmask(SIG_BLOCK, NULL, &before);
    long error = waits[which].wait();
    sigprocmask(SIG_BLOCK, NULL, &after);
    CHECK(error == EAGAIN, "%s amid a storm of %s: %s", waits[which].name, strsignal(signal), strerror(error));
    CHECK(waitpid(child, NULL, WNOHANG) == 0, "%s did not time out before the storm of %s was over", waits[which].name, strsignal(signal));
    CHECK(memcmp(&before, &after, 64 / 8) == 0, "%s left another signal mask", waits[which].name);
    end_child(child);
}

static sigset_t mask_in_handler;
static volatile int handled;

static void note_mask(int signal)
{
    (void)signal;
    sigprocmask(SIG_BLOCK, NULL, &mask_in_handler);
    handled++;
}

/** Waits amid what is ignored, and a signal that is caught: what ended the wait. */
static long wait_for_alarm(size_t which, pid_t self)
{
    int count = handled;
    pid_t child = SYS(fork());
    if (child == 0) {
        static const int order[] = { SIGURG, SIGUSR1, SIGURG, SIGALRM };
        for (size_t i = 0; i < COUNT(order); i++) {
            sleep_milliseconds(Milliseconds / 10);
            kill(self, order[i]);
        }
        _exit(0);
    }
    long error = waits[which].wait();
    reap_good(child, "the child");
    CHECK(handled == count + 1, "SIGALRM was handled %d times", handled - count);
    return error;
}

/** What is caught still interrupts, after something that is ignored did not, and its handler finds no signal blocked but its own. */
static void be_interrupted(size_t which, pid_t self)
{
    struct sigaction action = { .sa_handler = note_mask, .sa_flags = SA_RESTART }; // of which these waits know nothing (signal(7))
    SYS(sigaction(SIGALRM, &action, NULL));
    long error = EAGAIN;
    for (int i = 0; i < 20 && error == EAGAIN; i++) // on a busy machine a wait may end before it is interrupted
        error = wait_for_alarm(which, self);
    CHECK(error == EINTR, "%s: %s", waits[which].name, strerror(error));
    CHECK(sigismember(&mask_in_handler, SIGALRM) == 1, "SIGALRM was not blocked in its own handler");
    for (int i = 1; i < 32; i++)
        CHECK(i == SIGALRM || sigismember(&mask_in_handler, i) == 0, "%s is blocked in the handler", strsignal(i));
}

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
    for (size_t w = 0; w < COUNT(waits); w++) {
        time_out_amid_a_storm(w, SIGURG, self);
        time_out_amid_a_storm(w, SIGUSR1, self);
        be_interrupted(w, self);
    }
    return finish("nothing was interrupted");
}
