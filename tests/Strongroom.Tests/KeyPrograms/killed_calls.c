// Processes with several threads end, or execute another program, while their first thread is in the middle of calls. The kernel
// reports the end of a first thread only after the ends of all the others were collected.
#include "keys.h"
enum { Rounds = 60, Others = 3 };

static void call_for_ever(void)
{
    int fd = SYS(strongroom_open(0));
    int32_t keys[] = { SYS(add("one", CPU_KEY)), SYS(add("two", CPU_KEY)) };
    unsigned char *area = map(PAGE);
    SYS(strongroom_set_key(fd, keys[0]));
    SYS(ftruncate(fd, PAGE));
    for (int i = 0;; i++) {
        SYS(munmap((void *)SYS(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)), PAGE)); // served in the thread
        SYS(encrypt_mprotect(area, PAGE, RW, keys[i & 1]));                      // served by the pager
    }
}

static int end_of_child(int round, bool executes)
{
    pid_t child = SYS(fork());
    uintptr_t delay = 20000 + mix(round) % 5000;
    if (child == 0) {
        for (int i = 0; i < Others; i++)
            spawn(wait_for_ever, NULL);
        if (executes)
            spawn(execute_true, (void *)delay);
        call_for_ever();
    }
    if (!executes) {
        usleep(delay);
        SYS(kill(child, SIGKILL));
    }
    int status;
    CHECK(SYS(waitpid(child, &status, 0)) == child, "the wrong child");
    return status;
}

int main(void)
{
    begin();
    CASE("a process of many threads is killed while its first calls");
    for (int round = 0; round < Rounds; round++)
        CHECK(end_of_child(round, false) == SIGKILL, "a killed child ended otherwise");
    CASE("another thread executes a program while the first calls");
    for (int round = 0; round < Rounds; round++)
        CHECK(end_of_child(round, true) == 0, "a program that was executed failed");
    return finish("no end was missed");
}
