// A program that traces its child: it works, or the call is refused with an error; nothing hangs or breaks.
// run: remark=ptrace
#include "common.h"
#include <sys/ptrace.h>
#include <sys/user.h>

int main(void)
{
    begin();
    unsigned char *area = map(MiB);
    fill(area, MiB, 7);
    settle();
    pid_t child = SYS(fork());
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) {
            fprintf(stderr, "ptrace was refused: %s\n", strerror(errno));
            verify(area, MiB, 7, "a child's memory");
            _exit(77);
        }
        SYS(raise(SIGSTOP));
        verify(area, MiB, 7, "a traced child's memory");
        _exit(5);
    }
    int status;
    SYS(waitpid(child, &status, 0));
    if (WIFSTOPPED(status)) {
        struct user_regs_struct registers;
        SYS(ptrace(PTRACE_GETREGS, child, 0, &registers));
        for (size_t page = 0; page < 256; page += 17) {
            errno = 0;
            long word = ptrace(PTRACE_PEEKDATA, child, area + page * PAGE, 0);
            CHECK(errno == 0 && (uint64_t)word == word_at(7, page * (PAGE / 8)), "PEEKDATA gave %lx", word);
        }
        SYS(ptrace(PTRACE_CONT, child, 0, 0));
        SYS(waitpid(child, &status, 0));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5, "status %x", status);
    } else {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 77, "status %x", status);
    }
    pid_t other = SYS(fork());
    if (other == 0)
        for (;;)
            pause();
    if (ptrace(PTRACE_SEIZE, other, 0, 0) == 0) {
        SYS(ptrace(PTRACE_INTERRUPT, other, 0, 0));
        SYS(waitpid(other, &status, 0));
        CHECK(WIFSTOPPED(status), "status %x", status);
    } else {
        fprintf(stderr, "seizing was refused: %s\n", strerror(errno));
    }
    SYS(kill(other, SIGKILL));
    SYS(waitpid(other, &status, 0));
    CHECK(WIFSIGNALED(status), "status %x", status);
    verify(area, MiB, 7, "the parent's memory");
    return finish("tracing worked or was refused");
}
