// A program installs a filter that allows a dozen calls and kills for any other, then works on in its memory.
#include "common.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(void)
{
    begin();
    unsigned char *area = map(8 * MiB);
    fill(area, 8 * MiB, 1);
    settle();
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read), ALLOW(write), ALLOW(exit_group), ALLOW(clock_nanosleep), ALLOW(clock_gettime), ALLOW(newfstatat),
        ALLOW(fstat), ALLOW(brk), ALLOW(wait4), ALLOW(clone), ALLOW(set_robust_list), ALLOW(gettid), ALLOW(getrandom),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = { COUNT(program), program };
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
    for (int round = 1; round < 5; round++) {
        verify(area, 8 * MiB, round, "memory behind a filter");
        fill(area, 8 * MiB, round + 1);
        settle();
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(area, 8 * MiB, round + 1, "memory of a child behind a filter");
            _exit(0);
        }
        reap_good(child, "a child behind a filter");
    }
    return finish("the filter was respected");
}
