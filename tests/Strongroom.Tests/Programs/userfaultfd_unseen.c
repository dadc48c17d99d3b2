// Memory that a program registers with a userfaultfd of its own so soon after it was written that the pager has not seen it yet. While the call
// is on its way, for long on a busy processor, the pager must not register it: the program's call would fail.
// run: window=1M idle=10ms one-processor root
#include "common.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

enum { Pages = 64, FillerPages = 512, Rounds = 40, BusyProcesses = 2 };

static void register_new(int uffd, uint64_t round)
{
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, round);
    struct uffdio_register range = { { (uintptr_t)area, Pages * PAGE }, UFFDIO_REGISTER_MODE_MISSING, 0 };
    SYS(setpriority(PRIO_PROCESS, 0, 19)); // others have the processor between the report of the call and what the kernel then does
    int result = ioctl(uffd, UFFDIO_REGISTER, &range);
    SYS(setpriority(PRIO_PROCESS, 0, 0));
    CHECK(result == 0, "registration %lu: %s", (unsigned long)round, strerror(errno));
    verify(area, Pages * PAGE, round, "memory that the program registered");
    SYS(munmap(area, Pages * PAGE));
}

int main(void)
{
    begin();
    pid_t busy[BusyProcesses];
    for (size_t i = 0; i < COUNT(busy); i++)
        busy[i] = start_busy_process();
    unsigned char *filler = map(FillerPages * PAGE);
    fill(filler, FillerPages * PAGE, Rounds); // the window is full: what a look finds is sealed at once
    settle();
    int uffd = SYS(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    struct uffdio_api api = { .api = UFFD_API };
    SYS(ioctl(uffd, UFFDIO_API, &api));
    for (uint64_t round = 0; round < Rounds; round++)
        register_new(uffd, round);
    for (size_t i = 0; i < COUNT(busy); i++)
        end_child(busy[i]);
    verify(filler, FillerPages * PAGE, Rounds, "what filled the window");
    return finish("what the program registered unseen was left to it");
}
