// Ends while many of its threads make calls that the pager answers.
// run: cflags=-pthread
#include "common.h"

enum { Threads = 32 };

static void *wait_again(void *unused)
{
    (void)unused;
    for (;;)
        waitpid(-1, NULL, WNOHANG | __WALL);
    return NULL;
}

int main(void)
{
    for (int i = 0; i < Threads; i++)
        spawn(wait_again, NULL);
    sleep_milliseconds(20);
    printf("ended\n");
    return 0;
}
