// Puts a child behind each filter that it reads, has it make one call, and writes a letter: P the call passed, E it failed with EXDEV,
// R the kernel refused the filter, K the child was killed. A filter is a count, that many instructions, and the call's six arguments.
#include "common.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static char ask(struct sock_fprog *filter, const uint64_t *a)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0, 0) < 0)
            _exit('R');
        long result = syscall(SYS_getppid, a[0], a[1], a[2], a[3], a[4], a[5]);
        _exit(result > 0 ? 'P' : errno == EXDEV ? 'E' : '?');
    }
    int status;
    SYS(waitpid(child, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 'K';
}

int main(void)
{
    uint64_t count, arguments[6];
    struct sock_filter code[64];
    while (fread(&count, sizeof count, 1, stdin) == 1) {
        CHECK(count <= COUNT(code) && fread(code, sizeof *code, count, stdin) == count && fread(arguments, sizeof arguments, 1, stdin) == 1,
            "the input ends early");
        putchar(ask(&(struct sock_fprog){ count, code }, arguments));
    }
    return 0;
}
