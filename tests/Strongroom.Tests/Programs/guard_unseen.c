// Memory that becomes a guard region so soon after it was written that the pager has not seen it yet. What a look then finds there while the
// call is on its way, for long on a busy processor, must not be sealed: it would come back when the guard is removed. Likewise where the call
// came before the agent did.
// run: window=1M idle=10ms one-processor root
#include "common.h"
#include <sys/resource.h>

enum { Pages = 64, FillerPages = 512, Rounds = 30, Programs = 8, BusyProcesses = 2 };

static _Atomic bool is_over;

static void make_guard(uint64_t round)
{
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, round);
    SYS(setpriority(PRIO_PROCESS, 0, 19)); // others have the processor between the report of the call and what the kernel then does
    int result = madvise(area, Pages * PAGE, MADV_GUARD_INSTALL);
    SYS(setpriority(PRIO_PROCESS, 0, 0));
    CHECK(result == 0 || errno == EINVAL, "a guard region: %s", strerror(errno)); // EINVAL: Linux before 6.13
    if (result == 0) {
        SYS(madvise(area, Pages * PAGE, MADV_GUARD_REMOVE));
        for (size_t at = 0; at < Pages * PAGE; at += PAGE)
            CHECK(area[at] == 0, "page %zu was a guard region and begins with %d", at / PAGE, area[at]);
    }
    SYS(munmap(area, Pages * PAGE));
}

static void *make_guards(void *unused)
{
    (void)unused;
    for (uint64_t round = 0; !is_over; round++)
        make_guard(round);
    return NULL;
}

// A program that gets its agent while a thread of it makes guard regions; the other is the one that is stopped for that.
static void use_young(void)
{
    pthread_t maker = spawn(make_guards, NULL);
    clock_t end = clock() + CLOCKS_PER_SEC / 20;
    while (clock() < end)
        ;
    is_over = true;
    join(maker);
}

static void verify_in_young_program(void)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        execl("/proc/self/exe", "guard_unseen", "young", NULL);
        fail("the program cannot be executed: %s", strerror(errno));
    }
    reap_good(child, "a young program");
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1) {
        use_young();
        return 0;
    }
    begin();
    pid_t busy[BusyProcesses];
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = start_busy_process();
    unsigned char *filler = map(FillerPages * PAGE);
    fill(filler, FillerPages * PAGE, Rounds); // the window is full: what a look finds is sealed at once
    settle();
    for (uint64_t round = 0; round < Rounds; round++)
        make_guard(round);
    for (int i = 0; i < Programs; i++)
        verify_in_young_program();
    for (size_t i = 0; i < COUNT(busy); i++)
        end_child(busy[i]);
    verify(filler, FillerPages * PAGE, Rounds, "what filled the window");
    return finish("what became a guard region unseen stayed away");
}
