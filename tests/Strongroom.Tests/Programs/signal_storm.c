// A timer interrupts the program thousands of times while it faults; data, registers and counts stay right.
// run: timeout=90
#include "common.h"
#include <sys/time.h>

enum { Pages = 512 };
static unsigned char *area;
static volatile sig_atomic_t ticks;
static volatile uint64_t touched;

static void on_tick(int signal)
{
    (void)signal;
    ticks = ticks + 1;
    size_t page = mix(ticks) % Pages;
    CHECK(*(volatile uint64_t *)(area + page * PAGE) == word_at(3, page * (PAGE / 8)), "page %zu in a handler", page);
    touched++;
}

int main(void)
{
    begin();
    area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 3);
    struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
    SYS(sigaction(SIGALRM, &action, NULL));
    struct itimerval every = { { 0, 500 }, { 0, 500 } };
    SYS(setitimer(ITIMER_REAL, &every, NULL));
    double until = seconds() + 1.0;
    while (seconds() < until) {
        verify(area, Pages * PAGE, 3, "memory under signals");
        sleep_milliseconds(setting("TARGET_SETTLE_MS", 1) / 4);
    }
    every = (struct itimerval){ 0 };
    SYS(setitimer(ITIMER_REAL, &every, NULL));
    CHECK(ticks > 100 && touched == (uint64_t)ticks, "%d ticks, %lu handled", (int)ticks, (unsigned long)touched);
    return finish("signals did no harm");
}
