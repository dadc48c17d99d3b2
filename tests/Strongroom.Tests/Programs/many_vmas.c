// Tens of thousands of VMAs of a page or two: a look at them takes long, and what they do is to be answered all the same.
// run: window=32M idle=10ms
#include "common.h"

enum { Areas = 14000, AreaPages = 3, Steps = 4 };

int main(void)
{
    static unsigned char *areas[Areas];
    begin();
    for (int i = 0; i < Areas; i++) {
        areas[i] = map(AreaPages * PAGE);
        fill(areas[i], AreaPages * PAGE, i);
        SYS(munmap(areas[i] + PAGE, PAGE));      // one VMA becomes two
        if (i % (Areas / Steps) == 0)
            settle();
    }
    settle();
    for (int i = Areas - 1; i >= 0; i--) {
        verify(areas[i], PAGE, i, "before the hole");
        verify_from(areas[i] + 2 * PAGE, PAGE, i, 2 * PAGE / 8, "behind the hole");
        SYS(munmap(areas[i], PAGE));
        SYS(munmap(areas[i] + 2 * PAGE, PAGE));
    }
    return finish("many VMAs came and went");
}
