// A program clears its soft-dirty bits and finds by them what it has written since, as an incremental collector does. (Where the kernel has none,
// CONFIG_MEM_SOFT_DIRTY, it only uses its memory.)
// run: window=1M idle=10ms
#include "common.h"

#define PAGES ((size_t)2048)

static unsigned char *area;
static bool is_written[PAGES];

static void clear_bits(void)
{
    int fd = SYS(open("/proc/self/clear_refs", O_WRONLY));
    SYS(write(fd, "4", 1));
    close(fd);
}

static bool is_dirty(size_t page)
{
    static int fd;
    static pid_t owner; // the child of a fork has bits of its own
    if (owner != getpid()) {
        owner = getpid();
        fd = SYS(open("/proc/self/pagemap", O_RDONLY));
    }
    uint64_t entry;
    SYS(pread(fd, &entry, sizeof entry, ((uintptr_t)area / PAGE + page) * sizeof entry));
    return entry >> 55 & 1;
}

static bool has_bits(void)
{
    area[0]++;
    bool was_dirty = is_dirty(0);
    clear_bits();
    return was_dirty && !is_dirty(0);
}

static void write_some(uint64_t *words, size_t page, uint64_t value)
{
    words[page * PAGE / sizeof *words] = value;
    is_written[page] = true;
}

// Each page holds, in its first word, the round in which it was written last.
static void run_round(uint64_t *words, uint64_t round, uint64_t *last)
{
    memset(is_written, 0, sizeof is_written);
    for (int step = 0; step < 4; step++) {
        for (size_t i = 0; i < 100; i++) {
            size_t page = word_at(round, i + step * 100) % PAGES;
            write_some(words, page, last[page] = round);
        }
        if (round % 3 == 0)
            settle();
    }
    for (size_t page = 0; page < PAGES; page++)
        CHECK(!is_written[page] || is_dirty(page), "round %d: page %zu was written and does not look so", (int)round, page);
    clear_bits();
    for (size_t page = 0; page < PAGES; page++)
        CHECK(words[page * PAGE / sizeof *words] == last[page], "round %d: page %zu is of round %d instead of %d", (int)round, page,
            (int)words[page * PAGE / sizeof *words], (int)last[page]);
}

int main(void)
{
    begin();
    area = map(PAGES * PAGE);
    use_in_rounds(map(8 * MiB), 8 * MiB, 2, "memory before");
    static uint64_t last[PAGES];
    bool bits = has_bits();
    area[0] = 0;
    for (uint64_t round = 1; bits && round <= 12; round++)
        run_round((uint64_t *)area, round, last);
    pid_t child = SYS(fork());
    if (child == 0) {
        for (uint64_t round = 13; bits && round <= 18; round++)
            run_round((uint64_t *)area, round, last);
        _exit(0);
    }
    reap_good(child, "a child");
    return finish("soft-dirty bits");
}
