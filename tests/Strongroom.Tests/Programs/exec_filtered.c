// A program is executed behind a filter, as in a container. The filter allows what an agent does, but no userfaultfd, and kills for what is not foreseen.
// run: root window=1M idle=10ms
#include "common.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void enter_container(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_userfaultfd, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        // What an agent does: AgentCalls.cs.
        ALLOW(mmap), ALLOW(mprotect), ALLOW(munmap), ALLOW(mremap), ALLOW(getpid), ALLOW(clone), ALLOW(wait4), ALLOW(setsid),
        ALLOW(close_range), ALLOW(prlimit64), ALLOW(socketpair), ALLOW(setsockopt), ALLOW(recvfrom), ALLOW(recvmsg), ALLOW(sendto),
        ALLOW(getppid), ALLOW(nanosleep), ALLOW(exit_group), ALLOW(prctl), ALLOW(close), ALLOW(chdir), ALLOW(munlock), ALLOW(madvise),
        ALLOW(ioctl), ALLOW(vmsplice),
        // What the program does.
        ALLOW(execve), ALLOW(brk), ALLOW(arch_prctl), ALLOW(set_tid_address), ALLOW(set_robust_list), ALLOW(rseq), ALLOW(readlink),
        ALLOW(getrandom), ALLOW(access), ALLOW(openat), ALLOW(read), ALLOW(pread64), ALLOW(fstat), ALLOW(newfstatat), ALLOW(write),
        ALLOW(clock_nanosleep), ALLOW(gettid),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = { COUNT(program), program };
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        enter_container();
        SYS(execl("/proc/self/exe", argv[0], "inside", NULL));
    }
    begin();
    unsigned char *area = map(8 * MiB);
    use_in_rounds(area, 8 * MiB, 3, "memory behind the filter");
    SYS(madvise(area + MiB, PAGE, MADV_DONTNEED));
    use_in_rounds(area, 8 * MiB, 2, "memory behind the filter, some of it dropped before");
    return finish("a container");
}
