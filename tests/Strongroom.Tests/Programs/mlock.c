// Locked memory: mlock, mlock2 on fault, mlockall, and unlocking again; VmLck counts what the program locked.
#include "common.h"

enum { Pages = 256 };

static long locked_kilobytes(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long kilobytes = -1;
    while (status && fgets(line, sizeof line, status))
        (void)sscanf(line, "VmLck: %ld", &kilobytes);
    if (status)
        fclose(status);
    return kilobytes;
}

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 2);
    settle();
    SYS(mlock(area + 10 * PAGE, 100 * PAGE));
    CHECK(locked_kilobytes() == 400, "VmLck is %ld kB", locked_kilobytes());
    verify(area, Pages * PAGE, 2, "memory locked in part");
    unsigned char resident[100];
    SYS(mincore(area + 10 * PAGE, 100 * PAGE, resident));
    for (int i = 0; i < 100; i++)
        CHECK(resident[i] & 1, "locked page %d is not resident", i);
    settle();
    SYS(mincore(area + 10 * PAGE, 100 * PAGE, resident));
    for (int i = 0; i < 100; i++)
        CHECK(resident[i] & 1, "locked page %d did not stay resident", i);
    fill(area, Pages * PAGE, 3);
    SYS(munlock(area + 30 * PAGE, 40 * PAGE));
    settle();
    verify(area, Pages * PAGE, 3, "memory unlocked in part");
    SYS(mlock2(area, Pages * PAGE, MLOCK_ONFAULT));
    settle();
    verify(area, Pages * PAGE, 3, "memory locked on fault");
    SYS(munlock(area, Pages * PAGE));
    CHECK(locked_kilobytes() == 0, "VmLck is %ld kB after munlock", locked_kilobytes());
    settle();
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
        verify(area, Pages * PAGE, 3, "memory after mlockall");
        unsigned char *later = map(Pages * PAGE);
        fill(later, Pages * PAGE, 4);
        settle();
        verify(later, Pages * PAGE, 4, "memory mapped after mlockall");
        verify_in_child(later, Pages * PAGE, 4, "memory in a child, where locks are not inherited");
        SYS(munlockall());
    }
    settle();
    verify(area, Pages * PAGE, 3, "memory after munlockall");
    return finish("locks were kept");
}
