// Works in 2 MiB while a child of it, which is behind a seccomp filter of its own and so stays in clear, holds 64 MiB.
#include "common.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

// The filter is there before the program is, and forbids an agent to lend its pages.
static void hold_refused(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_vmsplice, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { COUNT(program), program };
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
    SYS(execl("/proc/self/exe", "beside_refused", "hold", NULL));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        fill(map(64 * MiB), 64 * MiB, 1);
        pause();
    }
    pid_t child = SYS(fork());
    if (child == 0)
        hold_refused();
    unsigned char *area = map(2 * MiB);
    double end = seconds() + 3;
    for (int round = 1; seconds() < end; round++) {
        fill(area, 2 * MiB, round);
        verify(area, 2 * MiB, round, "memory in use");
    }
    SYS(kill(child, SIGKILL));
    puts("worked");
    return 0;
}
