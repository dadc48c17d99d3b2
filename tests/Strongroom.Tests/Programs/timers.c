// Timers that make threads, signals and descriptors ready fire as often as set, in a program of idle memory.
// run: cflags=-pthread
#include "common.h"
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static atomic_int threads_run;

static void on_timer(union sigval value)
{
    threads_run += value.sival_int;
}

int main(void)
{
    begin();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    int descriptor = SYS(timerfd_create(CLOCK_MONOTONIC, 0)), signals = SYS(signalfd(-1, &set, 0));
    struct itimerspec every = { { 0, 20000000 }, { 0, 20000000 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigevent by_thread = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer,
        .sigev_value.sival_int = 1 }, by_signal = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    timer_t first, second;
    SYS(timer_create(CLOCK_MONOTONIC, &by_thread, &first));
    SYS(timer_create(CLOCK_MONOTONIC, &by_signal, &second));
    double began = seconds();
    SYS(timer_settime(first, 0, &every, NULL));
    SYS(timer_settime(second, 0, &every, NULL));
    SYS(timerfd_settime(descriptor, 0, &every, NULL));
    uint64_t ticks = 0;
    while (ticks < 20) {
        uint64_t more;
        CHECK(SYS(read(descriptor, &more, 8)) == 8, "a short read");
        ticks += more;
        settle();
    }
    double took = seconds() - began;
    CHECK(took >= ticks * 0.02 - 0.001, "%lu ticks of 20 ms took %.1f ms", (unsigned long)ticks, took * 1e3);
    struct signalfd_siginfo information;
    CHECK(SYS(read(signals, &information, sizeof information)) == sizeof information, "a short read");
    CHECK(information.ssi_signo == SIGUSR2, "signal %u", information.ssi_signo);
    SYS(timer_settime(first, 0, &never, NULL));
    SYS(timer_settime(second, 0, &never, NULL));
    CHECK(threads_run > 0, "the timer's threads never ran");
    return finish("timers fired");
}
