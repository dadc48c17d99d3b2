// /proc/self/maps and smaps show the program's own mappings as it made them, also while they are sealed.
#include "common.h"

enum { Parts = 6, Pages = 64 };

static void expect(const unsigned char *start, size_t length, const char *wanted, const char *when)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512], permissions[8];
    unsigned long from, to, at = (unsigned long)start, end = at + length;
    while (fgets(line, sizeof line, maps)) {
        CHECK(sscanf(line, "%lx-%lx %7s", &from, &to, permissions) == 3, "a line like '%s'", line);
        if (to <= at || from >= end)
            continue;
        CHECK(from <= at, "%s: a gap at %lx", when, at);
        CHECK(!strcmp(permissions, wanted), "%s: %s instead of %s at %lx", when, permissions, wanted, from);
        at = to;
    }
    fclose(maps);
    CHECK(at >= end, "%s: the mapping ends at %lx instead of %lx", when, at, end);
}

int main(void)
{
    begin();
    unsigned char *area = map(Parts * Pages * PAGE);
    static const int protections[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE };
    static const char *const texts[] = { "rw-p", "r--p", "---p" };
    for (int round = 0; round < 3; round++) {
        SYS(mprotect(area, Parts * Pages * PAGE, PROT_READ | PROT_WRITE));
        fill(area, Parts * Pages * PAGE, round);
        if (round > 0)
            settle();
        for (int i = 0; i < Parts; i++)
            SYS(mprotect(area + i * Pages * PAGE, Pages * PAGE, protections[(i + round) % 3]));
        for (int when = 0; when < 2; when++) {
            for (int i = 0; i < Parts; i++)
                expect(area + i * Pages * PAGE, Pages * PAGE, texts[(i + round) % 3], when ? "later" : "at once");
            settle();
        }
        SYS(mprotect(area, Parts * Pages * PAGE, PROT_READ | PROT_WRITE));
        verify(area, Parts * Pages * PAGE, round, "memory that was looked up");
    }
    char text[64];
    FILE *comm = fopen("/proc/self/comm", "re");
    CHECK(comm && fgets(text, sizeof text, comm), "comm");
    fclose(comm);
    char exe[512] = "";
    SYS(readlink("/proc/self/exe", exe, sizeof exe - 1));
    CHECK(strstr(exe, "maps_entries"), "the program is called %s", exe);
    int threads = 0;
    FILE *status = fopen("/proc/self/status", "re");
    for (char line[256]; fgets(line, sizeof line, status);)
        (void)sscanf(line, "Threads: %d", &threads);
    fclose(status);
    CHECK(threads == 1, "%d threads", threads);
    return finish("the maps are the program's own");
}
