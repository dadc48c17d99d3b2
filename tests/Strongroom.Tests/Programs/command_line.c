// What others see of a program's arguments, in /proc/PID/cmdline, is what they are: also while they are sealed, when the program writes another title over
// them, however long, and in the child of a fork.
// run: window=1M idle=10ms
#include "common.h"
#include <sys/prctl.h>

static char seen[64 * KiB], wanted[64 * KiB];
static size_t wanted_length, shown_at_least = SIZE_MAX; // without CAP_SYS_RESOURCE no more than that may be shown of a longer title

static size_t see(const char *path)
{
    int fd = SYS(open(path, O_RDONLY));
    size_t length = 0;
    ssize_t n;
    while ((n = SYS(read(fd, seen + length, sizeof seen - length))) > 0)
        length += n;
    close(fd);
    return length;
}

// It may take a look of the pager's until a title is seen that was written just now.
static void see_wanted(const char *when)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", getpid());
    double until = seconds() + 5;
    size_t length;
    while (((length = see(path)) != wanted_length && length != shown_at_least) || memcmp(seen, wanted, length)) {
        CHECK(seconds() < until, "%s: the command line has %zu bytes instead of %zu, and begins with \"%.40s\" instead of \"%.40s\"", when, length,
            wanted_length, length ? seen : "", wanted);
        sleep_milliseconds(5);
    }
}

static void see_sealed(const char *when)
{
    settle();
    see_wanted(when);
    see_wanted("again");
}

// As setproctitle(3) does: over the arguments, and the environment behind them if they are too short. They end with a zero byte, and if they
// do not, the title ends with the next one.
static void entitle(char *arguments, size_t room, const char *title)
{
    size_t length = strlen(title);
    memcpy(arguments, title, length + 1);
    if (length + 1 < room)
        memset(arguments + length + 1, 0, room - length - 1);
    wanted_length = length < room ? room : length + 1;
    memset(wanted, 0, sizeof wanted);
    memcpy(wanted, title, length);
}

static int run(int argc, char **argv)
{
    char *arguments = argv[0];
    size_t room = argv[argc - 1] + strlen(argv[argc - 1]) + 1 - arguments;
    wanted_length = room;
    if (prctl(PR_SET_MM, PR_SET_MM_BRK, sbrk(0), 0, 0) == -1)
        shown_at_least = room;
    memcpy(wanted, arguments, room);
    see_sealed("as started");
    use_in_rounds(map(4 * MiB), 4 * MiB, 2, "other memory meanwhile");
    see_sealed("after other memory was used");
    if (room > 2 * PAGE) // more is shown of arguments than of a title
        return 0;

    entitle(arguments, room, "short");
    see_sealed("a short title");
    char longer[800];
    for (int step = 0; step < 3; step++) {
        memset(longer, 'a' + step, sizeof longer);
        longer[room + 400 - 200 * step] = 0;
        entitle(arguments, room, longer);
        see_sealed("a long title");
    }
    for (int step = 0; step < 10; step++) { // at random moments of the sealing
        snprintf(longer, sizeof longer, "title %d", step);
        entitle(arguments, room, longer);
        sleep_milliseconds(step * 3);
        see_wanted("a new title");
    }

    pid_t child = SYS(fork());
    if (child == 0) {
        see_sealed("in a child");
        entitle(arguments, room, "child");
        see_sealed("the child's title");
        _exit(0);
    }
    settle();
    see_wanted("the parent of a child");
    reap_good(child, "a child with a title");
    see_sealed("after a child's title");
    return 0;
}

// Executes itself with arguments and an environment of some length, and waits.
static void with(size_t argument_bytes, size_t environment_bytes)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        char *argument = calloc(1, argument_bytes + 1), *variable = calloc(1, environment_bytes + 3), settle_time[64];
        memset(argument, 'x', argument_bytes);
        memset(memcpy(variable, "V=", 2) + 2, 'y', environment_bytes);
        snprintf(settle_time, sizeof settle_time, "TARGET_SETTLE_MS=%ld", setting("TARGET_SETTLE_MS", 1));
        char *environment[] = { variable, settle_time, NULL };
        SYS(execle("/proc/self/exe", "command_line", argument, "", "last", NULL, environment));
    }
    reap_good(child, "a program with arguments");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run(argc, argv);
    begin();
    for (size_t argument = 10; argument <= 40000; argument *= 20)
        for (size_t environment = 1000; environment <= 9000; environment *= 3)
            with(argument, environment);
    with(3900, 9000); // a title that goes on in another page
    return finish("its command line");
}
