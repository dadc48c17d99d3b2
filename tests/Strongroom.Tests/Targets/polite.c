// Counts the signals that ask it to end, and ends by itself a little later with their number.
#include "common.h"

static volatile sig_atomic_t received[65];

static void on_signal(int signal)
{
    received[signal] = received[signal] + 1;
}

int main(void)
{
    static const int asked[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGWINCH };
    for (size_t i = 0; i < COUNT(asked); i++)
        SYS(sigaction(asked[i], &(struct sigaction){ .sa_handler = on_signal }, NULL));
    begin();
    printf("ready\n");
    fflush(stdout);
    int total = 0;
    for (double until = seconds() + 20; total == 0 && seconds() < until; sleep_milliseconds(5))
        total = received[SIGINT] + received[SIGTERM] + received[SIGHUP] + received[SIGQUIT] + received[SIGUSR1];
    sleep_milliseconds(300);
    printf("INT %d TERM %d HUP %d QUIT %d USR1 %d\n", received[SIGINT], received[SIGTERM], received[SIGHUP],
        received[SIGQUIT], received[SIGUSR1]);
    (void)finish("memory is right at the end");
    return 17;
}
