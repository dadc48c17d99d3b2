// Process groups and sessions: kill(-group) reaches every member once and nobody else.
#include "common.h"

int main(void)
{
    begin();
    enum { Children = 5 };
    pid_t children[Children];
    settle();
    CHECK(getsid(0) == getsid(getpid()), "session");
    for (int i = 0; i < Children; i++) {
        children[i] = SYS(fork());
        if (children[i] == 0) {
            verify(ballast, BallastPages * PAGE, 0xba11a57, "a member's memory");
            for (;;)
                pause();
        }
        SYS(setpgid(children[i], i < 3 ? children[0] : children[3]));
    }
    for (int i = 0; i < Children; i++)
        CHECK(getpgid(children[i]) == (i < 3 ? children[0] : children[3]), "group of child %d", i);
    settle();
    SYS(kill(-children[0], SIGTERM));
    for (int i = 0; i < 3; i++) {
        int status;
        CHECK(SYS(waitpid(-children[0], &status, 0)) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM,
            "status %x", status);
    }
    CHECK(waitpid(-children[0], NULL, 0) == -1 && errno == ECHILD, "the group has more members");
    CHECK(waitpid(-children[3], NULL, WNOHANG) == 0, "the other group was hit");
    SYS(killpg(children[3], SIGKILL));
    for (int i = 3; i < Children; i++)
        SYS(waitpid(children[i], NULL, 0));
    CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, "there are more children");
    return finish("groups are groups");
}
