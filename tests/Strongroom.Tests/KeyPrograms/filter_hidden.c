// The filter that reports calls does not show: no mode, strict mode and own filters as without it.
// run: unsealed
#include "keys.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void *strict_thread(void *argument)
{
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
    getppid();
    for (;;)
        (void)!write(1, "", 0); // not reached, or the thread never ends
    return argument;
}

int main(void)
{
    begin();
    CASE("no filter shows");
    CHECK(SYS(prctl(PR_GET_SECCOMP, 0, 0, 0, 0)) == 0, "a mode shows");
    CHECK(SYS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) == 0, "no_new_privs is set");
    CASE("strict mode ends who breaks it with SIGKILL");
    for (int way = 0; way < 4; way++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            signal(SIGSYS, SIG_IGN);
            if (way % 2 == 0)
                SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
            else
                SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL));
            (void)!write(1, "", 0);
            if (way / 2)
                syscall(SYS_exit, 3);
            getppid();
            syscall(SYS_exit, 4);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == (way / 2 ? 3 << 8 : SIGKILL), "strict mode ended with %x", status);
    }
    CASE("strict mode ends a thread alone");
    pid_t child = SYS(fork());
    if (child == 0) {
        pthread_t thread = spawn(strict_thread, NULL);
        join(thread);
        _exit(7);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 7 << 8, "a process one thread of which was in strict mode: %x", status);
    CASE("a filter of the program's own");
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
    CASE("a listener of the program's own is refused");
    REFUSED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter), EBUSY);
    return finish("nothing shows");
}
