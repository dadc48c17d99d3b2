// Lightweight guard regions (MADV_GUARD_INSTALL, Linux 6.13): what was there is gone, a touch ends with SIGSEGV, and where they are removed
// there are zeros, sealed before or not. The kernel reports neither to a userfaultfd.
// run: window=1M idle=10ms
#include "common.h"
#include <setjmp.h>
#include <sys/uio.h>

enum { Pages = 64, First = 16, Guarded = 16 };
static sigjmp_buf back;

static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

static bool faults(volatile unsigned char *at)
{
    if (sigsetjmp(back, 1))
        return true;
    (void)*at;
    return false;
}

static void check_around(unsigned char *area, uint64_t seed)
{
    verify(area, First * PAGE, seed, "below the guard region");
    verify_from(area + (First + Guarded) * PAGE, (Pages - First - Guarded) * PAGE, seed, (First + Guarded) * PAGE / 8, "above it");
}

static void round_trip(unsigned char *area, uint64_t seed, bool is_cold, bool is_long)
{
    unsigned char *guard = area + First * PAGE;
    fill(area, Pages * PAGE, seed);
    if (is_cold)
        settle();
    SYS(madvise(guard, Guarded * PAGE, MADV_GUARD_INSTALL));
    if (is_long)
        settle();
    for (int i = 0; i < Guarded; i++)
        CHECK(faults(guard + i * PAGE), "page %d of the guard region can be read", i);
    check_around(area, seed);
    SYS(madvise(guard, Guarded * PAGE, MADV_GUARD_REMOVE));
    verify_zero(guard, Guarded * PAGE, "after the guard region");
    check_around(area, seed);
    fill(guard, Guarded * PAGE, seed + 1);
    settle();
    verify(guard, Guarded * PAGE, seed + 1, "what was written there later");
}

/** The kernel stops at locked memory (EINVAL): what lies behind is kept, also if it is sealed. */
static void stop_at_locked(void)
{
    unsigned char *area = map(Pages * PAGE), *locked = area + First * PAGE, *behind = locked + Guarded * PAGE;
    fill(area, Pages * PAGE, 50);
    SYS(mlock(locked, Guarded * PAGE));
    settle();
    CHECK(madvise(area, Pages * PAGE, MADV_GUARD_INSTALL) == -1 && errno == EINVAL, "locked memory: %s", strerror(errno));
    CHECK(faults(area), "what lies before locked memory is no guard region");
    verify_from(locked, (Pages - First) * PAGE, 50, First * PAGE / 8, "locked memory and what lies behind");
    SYS(munlock(locked, Guarded * PAGE));
    settle();
    verify_from(behind, (Pages - First - Guarded) * PAGE, 50, (First + Guarded) * PAGE / 8, "what lies behind, later");
    SYS(munmap(area, Pages * PAGE));
}

/** The same for pieces, by process_madvise; the guard lasts in a forked child. */
static void guard_pieces(void)
{
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 60);
    settle();
    struct iovec pieces[] = { { area + PAGE, PAGE }, { area + 8 * PAGE, 2 * PAGE } };
    int self = SYS(syscall(SYS_pidfd_open, getpid(), 0));
    long done = syscall(SYS_process_madvise, self, pieces, COUNT(pieces), MADV_GUARD_INSTALL, 0);
    close(self);
    if (done == -1 && errno == EINVAL)
        return; // a kernel that takes it for another process's memory
    CHECK(done == 3 * (long)PAGE, "process_madvise gave %ld: %s", done, strerror(errno));
    pid_t child = SYS(fork());
    CHECK(faults(area + PAGE) && faults(area + 8 * PAGE) && faults(area + 9 * PAGE), "a piece can be read");
    verify(area, PAGE, 60, "before the first piece");
    for (size_t i = 0; i < COUNT(pieces); i++)
        SYS(madvise(pieces[i].iov_base, pieces[i].iov_len, MADV_GUARD_REMOVE));
    verify_zero(area + PAGE, PAGE, "the first piece");
    verify_zero(area + 8 * PAGE, 2 * PAGE, "the second piece");
    verify_from(area + 2 * PAGE, 6 * PAGE, 60, 2 * PAGE / 8, "between them");
    verify_from(area + 10 * PAGE, (Pages - 10) * PAGE, 60, 10 * PAGE / 8, "behind them");
    if (child == 0)
        _exit(0);
    reap_good(child, "a child with guard regions");
}

int main(void)
{
    begin();
    signal(SIGSEGV, on_fault);
    unsigned char *area = map(Pages * PAGE);
    if (madvise(area, PAGE, MADV_GUARD_INSTALL) == -1 && errno == EINVAL)
        return finish("guard regions are as they should be"); // before Linux 6.13
    SYS(madvise(area, PAGE, MADV_GUARD_REMOVE));
    for (int round = 0; round < 8; round++)
        round_trip(area, 10 + round, round & 1, round & 2);
    stop_at_locked();
    guard_pieces();
    return finish("guard regions are as they should be");
}
