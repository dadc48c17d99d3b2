// Finds the pipes of its children that it never made, reads from them what was not meant for it, and writes to them what it likes, while its own
// memory is paged.
#include "common.h"

static int attack(const char *child, unsigned round)
{
    int found = 0;
    for (int fd = 0; fd < 16; fd++) {
        char path[64], name[64] = "", junk[3 * PAGE];
        snprintf(path, sizeof path, "/proc/%s/fd/%d", child, fd);
        if (readlink(path, name, sizeof name - 1) < 0 || strncmp(name, "pipe:", 5))
            continue;
        found++;
        int end = open(path, (round % 2 ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC);
        memset(junk, 0x55, sizeof junk);
        if (end >= 0 && round % 2)
            (void)!read(end, junk, sizeof junk);
        else if (end >= 0)
            (void)!write(end, junk, round % 3 ? sizeof junk : 77);
        close(end);
    }
    return found;
}

int main(void)
{
    unsigned char *area = map(16 * MiB);
    fill(area, 16 * MiB, 1);
    int found = 0, waits = 1000;
    for (unsigned round = 0; round < 4000; round++) {
        char text[512];
        list_children(text, sizeof text);
        for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
            found += attack(word, round);
        if (found == 0 && waits-- > 0) {
            sleep_milliseconds(5);
            round = 0;      // Nothing was made here yet.
        }
        for (size_t page = round % 7; page < 4096; page += 7)
            *(volatile uint64_t *)(area + page * PAGE) += 1;
    }
    return found > 0 ? 42 : 43;     // Its bytes may be wrong by now: it wrote them itself.
}
