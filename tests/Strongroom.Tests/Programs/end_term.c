// A program that is asked to end: whoever waits sees the same end.
// run: exit=143
#include "common.h"

int main(void)
{
    begin();
    (void)finish("the end comes");
    (void)raise(SIGTERM);
    return 0;
}
