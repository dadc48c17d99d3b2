// Holds marked pages and touches a few of them without pause. The seed of the marker comes by standard input, so that
// it stands in no command line. Commands, one letter each: c checks every page, w writes every page with the same
// bytes, h touches nothing more, e ends. "equal" pages are all the same.
#include "common.h"
#include <poll.h>

static unsigned char *area;
static size_t pages, hot;
static uint64_t seed;
static bool equal;

static void page_words(uint64_t *words, size_t page)
{
    fill(words, PAGE, equal ? seed : seed ^ mix(page));
    for (size_t place = 64; place < PAGE; place += 1984)
        words[place / 8] = word_at(seed, 1000001), words[place / 8 + 1] = word_at(seed, 1000002);
}

static void write_all(void)
{
    for (size_t page = 0; page < pages; page++)
        page_words((uint64_t *)(area + page * PAGE), page);
}

static void check_all(void)
{
    static uint64_t wanted[512];
    for (size_t page = 0; page < pages; page++) {
        page_words(wanted, page);
        CHECK(!memcmp(wanted, area + page * PAGE, PAGE), "page %zu is wrong", page);
    }
    memset(wanted, 0, sizeof wanted);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 3, "usage: holder PAGES HOT [equal]");
    pages = strtoul(argv[1], NULL, 10), hot = strtoul(argv[2], NULL, 10), equal = argc > 3;
    char line[64] = "";
    for (size_t n = 0; n < sizeof line - 1 && read(0, line + n, 1) == 1 && line[n] != '\n'; n++)
        ;
    seed = strtoull(line, NULL, 10);
    memset(line, 0, sizeof line);
    area = map(pages * PAGE);
    write_all();
    printf("ready %d %p\n", getpid(), (void *)area);
    fflush(stdout);
    for (;;) {
        char command = 0;
        struct pollfd input = { 0, POLLIN, 0 };
        volatile unsigned char *bytes = area;
        for (size_t page = 0; page < hot; page++)
            bytes[page * PAGE] = bytes[page * PAGE];
        if (poll(&input, 1, 5) <= 0)
            continue;
        if (read(0, &command, 1) <= 0)
            return 2;
        if (command == 'c')
            check_all();
        else if (command == 'w')
            write_all();
        else if (command == 'h')
            hot = 0;
        else if (command == 'e')
            return 0;
        else
            continue;
        printf("done %c\n", command);
        fflush(stdout);
    }
}
