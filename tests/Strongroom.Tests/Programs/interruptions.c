// Sleeps and waits are as long as asked and are interrupted by the program's own signals only, each exactly once.
// run: cflags=-pthread
#include "common.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

static volatile sig_atomic_t alarms;
static unsigned char *area;

static void on_alarm(int signal)
{
    (void)signal;
    alarms = alarms + 1;
}

static void timed(const char *what, long result, int error, double began, double wanted)
{
    double took = seconds() - began;
    CHECK(result == 0, "%s gave %ld: %s", what, result, strerror(error));
    CHECK(took >= wanted - 0.0005, "%s of %.0f ms returned after %.1f ms", what, wanted * 1e3, took * 1e3);
}

static void *keep_faulting(void *stop)
{
    for (uint64_t i = 0; !*(volatile atomic_bool *)stop; i++) {
        size_t page = mix(i) % 256;
        verify_from(area + page * PAGE, 64, 8, page * (PAGE / 8), "memory");
        if (i % 64 == 0)
            sleep_milliseconds(1);
    }
    return NULL;
}

int main(void)
{
    begin();
    area = map(256 * PAGE);
    fill(area, 256 * PAGE, 8);
    atomic_bool stop = false;
    sigset_t alarm_set;
    sigemptyset(&alarm_set);
    sigaddset(&alarm_set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
    pthread_t other = spawn(keep_faulting, &stop);
    pthread_sigmask(SIG_UNBLOCK, &alarm_set, NULL);
    int epoll = SYS(epoll_create1(0));
    double pause_for = (setting("TARGET_SETTLE_MS", 1) + 20) / 1000.0;
    int milliseconds = pause_for * 1000;
    struct timespec wanted = { 0, milliseconds * 1000000L };
    pause_for = milliseconds / 1000.0;
    for (int round = 0; round < 2; round++) {
        double began = seconds();
        long result = nanosleep(&wanted, NULL);
        timed("nanosleep", result, errno, began, pause_for);
        began = seconds();
        result = epoll_wait(epoll, (struct epoll_event *)(area + PAGE - 6), 1, milliseconds);
        timed("epoll_wait", result, errno, began, pause_for);
        began = seconds();
        result = poll(NULL, 0, milliseconds);
        timed("poll", result, errno, began, pause_for);
        began = seconds();
        struct timeval limit = { 0, milliseconds * 1000 };
        result = select(0, NULL, NULL, NULL, &limit);
        timed("select", result, errno, began, pause_for);
    }
    // One alarm interrupts each call once.
    SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL));
    for (int round = 0; round < 4; round++) {
        struct itimerval once = { { 0, 0 }, { 0, milliseconds * 1000 } };
        double began = seconds();
        SYS(setitimer(ITIMER_REAL, &once, NULL));
        struct timespec long_time = { 20, 0 }, remaining = { 0 };
        long result = round == 0 ? pause()
            : round == 1 ? nanosleep(&long_time, &remaining)
            : round == 2 ? epoll_wait(epoll, (struct epoll_event *)(area + 9 * PAGE - 6), 1, 20000)
            : sigsuspend(&(sigset_t){ 0 });
        CHECK(result == -1 && errno == EINTR, "call %d gave %ld: %s", round, result, strerror(errno));
        double took = seconds() - began;
        CHECK(took >= pause_for - 0.001 && took < pause_for + 5, "call %d took %.1f ms", round, took * 1e3);
        CHECK(alarms == round + 1, "%d alarms in round %d", (int)alarms, round);
        if (round == 1)
            CHECK(remaining.tv_sec >= 14 && remaining.tv_sec <= 19, "%ld s remain", (long)remaining.tv_sec);
    }
    stop = true;
    join(other);
    return finish("waits were exact");
}
