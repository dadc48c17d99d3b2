// A program that dies of a fault: whoever waits sees the same end.
// run: exit=139
#include "common.h"

int main(void)
{
    begin();
    (void)finish("the end comes");
    *(volatile int *)(uintptr_t)setting("TARGET_NOWHERE", 8) = 1;
    return 0;
}
