// A program that ends itself with SIGABRT: whoever waits sees the same end.
// run: exit=134
#include "common.h"

int main(void)
{
    begin();
    (void)finish("the end comes");
    abort();
    return 0;
}
