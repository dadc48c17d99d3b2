// A program that is killed: whoever waits sees the same end.
// run: exit=137
#include "common.h"

int main(void)
{
    begin();
    (void)finish("the end comes");
    (void)raise(SIGKILL);
    return 0;
}
