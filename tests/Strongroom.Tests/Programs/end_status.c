// A program that returns a status: whoever waits sees the same end.
// run: exit=42
#include "common.h"

int main(void)
{
    begin();
    (void)finish("the end comes");
    return 42;
    return 0;
}
