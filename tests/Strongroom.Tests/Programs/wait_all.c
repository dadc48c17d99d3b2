// A wait with __WALL or __WCLONE sees no children but the program's own.
// run: gap
#include "common.h"

static void expect_none(const char *when)
{
    int status;
    CHECK(waitpid(-1, &status, WNOHANG | __WALL) == -1 && errno == ECHILD, "waitpid(-1, __WALL) %s", when);
    CHECK(waitpid(-1, &status, WNOHANG | __WCLONE) == -1 && errno == ECHILD, "waitpid(-1, __WCLONE) %s", when);
}

int main(void)
{
    begin();
    expect_none("at the start");
    settle();
    expect_none("after a while");
    return finish("there was no child");
}
