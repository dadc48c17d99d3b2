// A program puts itself behind a filter as soon as it starts, as the processes of a browser do, and only then has something to hide.
// run: window=1M idle=10ms
#include "common.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void enter_sandbox(bool by_prctl)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read), ALLOW(write), ALLOW(exit_group), ALLOW(clock_nanosleep), ALLOW(newfstatat), ALLOW(fstat), ALLOW(brk),
        ALLOW(getrandom), ALLOW(wait4),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = { COUNT(program), program };
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (by_prctl)
        SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
    else
        SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
}

static void work(unsigned char *area)
{
    for (int round = 1; round < 4; round++) {
        fill(area, 8 * MiB, round);
        settle();
        verify(area, 8 * MiB, round, "memory behind a filter");
    }
}

int main(void)
{
    begin();
    unsigned char *area = map(8 * MiB);
    pid_t child = SYS(fork());
    enter_sandbox(child == 0);
    work(area);
    if (child == 0)
        _exit(0);
    reap_good(child, "a child behind a filter");
    return finish("filters were respected");
}
