// The first thread ends; the others go on, use the memory, fork, and give the exit status.
// run: cflags=-pthread exit=23
#include "common.h"

static void *work(void *argument)
{
    unsigned char *area = argument;
    sleep_milliseconds(20);
    settle();
    verify(area, MiB, 5, "memory after the first thread ended");
    verify_in_child(area, MiB, 5, "memory in a child of a second thread");
    (void)finish("the second thread ended the program");
    exit(23);
}

int main(void)
{
    begin();
    unsigned char *area = map(MiB);
    fill(area, MiB, 5);
    (void)spawn(work, area);
    pthread_exit(NULL);
}
