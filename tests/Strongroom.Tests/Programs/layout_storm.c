// A thread that changes the layout without a pause while another needs its pages back, or makes guard regions of them, which only happens once
// the pager has put back what is sealed there; on a busy processor that the pager needs too. During a change no page can come back, and the
// moment between two of them is over before the pager's turn comes.
// run: window=1M idle=10ms one-processor
#include "common.h"

enum { Pages = 256, Guarded = 16, Rounds = 3, BusyProcesses = 3 };

static unsigned char *place;
static _Atomic bool is_over;

static void *change_layout(void *unused)
{
    (void)unused;
    while (!is_over)
        SYS(madvise(place, Pages * PAGE, MADV_DONTNEED));
    return NULL;
}

static void make_guards(unsigned char *area)
{
    for (size_t page = 0; page < Pages; page += Guarded) {
        int result = madvise(area + page * PAGE, Guarded * PAGE, MADV_GUARD_INSTALL);
        CHECK(result == 0 || errno == EINVAL, "a guard region: %s", strerror(errno)); // EINVAL: Linux before 6.13
    }
}

int main(void)
{
    begin();
    pid_t busy[BusyProcesses];
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = start_busy_process();
    for (uint64_t round = 0; round < Rounds; round++) {
        place = map(Pages * PAGE);
        unsigned char *area = map(Pages * PAGE);
        fill(place, Pages * PAGE, ~round); // what is not covered yet reports no change
        fill(area, Pages * PAGE, round);
        settle();
        is_over = false;
        pthread_t storm = spawn(change_layout, NULL);
        verify(area, Pages * PAGE, round, "a page that came back between changes of layout");
        make_guards(area);
        is_over = true;
        join(storm);
        SYS(munmap(area, Pages * PAGE));
        SYS(munmap(place, Pages * PAGE));
    }
    for (size_t i = 0; i < COUNT(busy); i++)
        end_child(busy[i]);
    return finish("pages came back between changes of layout");
}
