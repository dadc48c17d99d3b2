// A thread that changes the layout without a pause while another needs its pages back, on a busy processor that the pager needs too. During a
// change no page can come back, and the moment between two of them is over before the pager's turn comes.
// run: window=1M idle=10ms one-processor
#include "common.h"
#include <sys/prctl.h>

enum { Pages = 256, Rounds = 3, BusyProcesses = 3 };

static unsigned char *place;
static _Atomic bool is_over;

static void *change_layout(void *unused)
{
    (void)unused;
    while (!is_over)
        SYS(madvise(place, Pages * PAGE, MADV_DONTNEED));
    return NULL;
}

static pid_t start_busy_process(void)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
        for (volatile uint64_t count = 0;; count++)
            ;
    }
    return child;
}

int main(void)
{
    begin();
    pid_t busy[BusyProcesses];
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = start_busy_process();
    place = map(Pages * PAGE);
    unsigned char *area = map(Pages * PAGE);
    for (uint64_t round = 0; round < Rounds; round++) {
        fill(place, Pages * PAGE, ~round); // what is not covered yet reports no change
        fill(area, Pages * PAGE, round);
        settle();
        is_over = false;
        pthread_t storm = spawn(change_layout, NULL);
        verify(area, Pages * PAGE, round, "a page that came back between changes of layout");
        is_over = true;
        join(storm);
    }
    for (size_t i = 0; i < COUNT(busy); i++) {
        SYS(kill(busy[i], SIGKILL));
        SYS(waitpid(busy[i], NULL, 0));
    }
    return finish("pages came back between changes of layout");
}
