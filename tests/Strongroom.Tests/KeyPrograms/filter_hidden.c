// The filter that reports calls does not show: no mode, strict mode and own filters as without it.
// run: unsealed
#include "keys.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

int main(void)
{
    begin();
    CHECK(SYS(prctl(PR_GET_SECCOMP, 0, 0, 0, 0)) == 0, "a mode shows");
    CHECK(SYS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) == 0, "no_new_privs is set");
    for (int way = 0; way < 2; way++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            if (way == 0)
                SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
            else
                SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
            (void)!write(1, "", 0);
            getppid();
            syscall(SYS_exit, 3);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "strict mode let a call pass: %x", status);
    }
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_add_key, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { COUNT(program), program };
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
    CHECK(SYS(prctl(PR_GET_SECCOMP, 0, 0, 0, 0)) == 2, "the program's own filter does not show");
    REFUSED(add("refused by its own filter", CPU_KEY), EXDEV);
    return finish("nothing shows");
}
