// As a user of its own it kills everything that it may kill, itself apart: children that it never made among them.
#include "common.h"

int main(void)
{
    unsigned char *area = map(16 * MiB);
    SYS(setresgid(54321, 54321, 54321));
    SYS(setresuid(54321, 54321, 54321));
    fill(area, 16 * MiB, 1);
    settle();
    for (int round = 0; round < 40; round++) {
        (void)kill(-1, round % 2 ? SIGKILL : SIGSTOP);      // All of this user's processes but this one (kill(2)).
        char text[512];
        list_children(text, sizeof text);
        for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
            (void)kill(atoi(word), SIGKILL);
        for (size_t page = 0; page < 4096; page += 7)
            if (*(volatile uint64_t *)(area + page * PAGE) != word_at(1, page * 512))
                _exit(41);
        sleep_milliseconds(10);
    }
    return 42;
}
