// Pages of zeros, pages written and zeroed again, and pages only read: zero they are, and private they stay.
#include "common.h"

enum { Pages = 1024 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    verify_zero(area, Pages / 2 * PAGE, "pages only read");
    settle();
    verify_zero(area, Pages * PAGE, "pages only read, later");
    fill(area, Pages * PAGE, 1);
    memset(area, 0, Pages * PAGE);
    for (size_t page = 0; page < Pages; page += 5)
        area[page * PAGE + PAGE - 1] = 9;        // One byte that is easily overlooked.
    settle();
    pid_t child = SYS(fork());
    for (size_t page = 0; page < Pages; page++) {
        verify_zero(area + page * PAGE, PAGE - 8, "a page of zeros");
        CHECK(area[page * PAGE + PAGE - 1] == (page % 5 ? 0 : 9), "the last byte of page %zu", page);
        area[page * PAGE + 100] = child == 0 ? 1 : 2;
    }
    settle();
    for (size_t page = 0; page < Pages; page++)
        CHECK(area[page * PAGE + 100] == (child == 0 ? 1 : 2), "page %zu is another process's", page);
    if (child == 0)
        _exit(0);
    reap_good(child, "a child");
    return finish("zeros are zeros");
}
