// Writes over every mapping that it did not make itself, again and again, while its own memory is paged: whatever the
// pager keeps in this process is destroyed. At last it unmaps those mappings too. It never touches what it needs to go
// on: its own program, libraries, stack and the memory that it mapped.
#include "common.h"

enum { Most = 400 };
static struct { unsigned long from, to; } own[Most];
static int owned;

static bool is_named(const char *line)
{
    const char *name = strchr(line, '/');
    return name || strstr(line, "[stack]") || strstr(line, "[heap]") || strstr(line, "[v");
}

static void note_own(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    while (fgets(line, sizeof line, maps) && owned < Most) {
        sscanf(line, "%lx-%lx", &own[owned].from, &own[owned].to);
        owned++;
    }
    fclose(maps);
}

static bool is_own(unsigned long from)
{
    for (int i = 0; i < owned; i++)
        if (from < own[i].to && from >= own[i].from)
            return true;
    return false;
}

static volatile sig_atomic_t jumped;
static void on_fault(int signal)
{
    (void)signal;
    _exit(40);
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    bool unmap = argc > 1 && !strcmp(argv[1], "unmap");
    signal(SIGSEGV, on_fault), signal(SIGBUS, on_fault);
    unsigned char *area = map(16 * MiB);
    note_own();     // Before the pager has made anything here: it attaches only to what has something to seal.
    fill(area, 16 * MiB, 1);
    settle();
    settle();
    int found = 0;
    for (int round = 0; round < 60; round++) {
        int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
        size_t used = 0;
        ssize_t n;
        while ((n = read(maps, buffer + used, sizeof buffer - 1 - used)) > 0)
            used += n;
        buffer[used] = 0;
        close(maps);
        for (char *save, *line = strtok_r(buffer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
            unsigned long from, to;
            if (sscanf(line, "%lx-%lx", &from, &to) != 2 || is_named(line) || is_own(from))
                continue;
            found++;
            if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE) == 0)
                for (unsigned long p = from; p + 8 <= to; p += 8)
                    *(volatile uint64_t *)p = mix(p + round) >> (p & 32);
            if (unmap && round == 30)
                (void)munmap((void *)from, to - from);
        }
        for (size_t page = 0; page < 4096; page += 7)
            if (*(volatile uint64_t *)(area + page * PAGE) != word_at(1, page * 512))
                _exit(41);      // Its own fault: wrong bytes in its own memory.
        sleep_milliseconds(10);
    }
    fprintf(stderr, "scribbled over %d mappings\n", found);
    return found > 0 ? 42 : 43;
}
