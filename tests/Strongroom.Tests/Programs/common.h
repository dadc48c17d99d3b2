// What every program of this folder shares. A program checks itself: it prints a deterministic line and exits 0 when
// everything was right, or prints one sentence on standard error and exits 1. It must be right on a stock kernel first.
#ifndef STRONGROOM_TESTS_COMMON_H
#define STRONGROOM_TESTS_COMMON_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KiB ((size_t)1024)
#define MiB (1024 * KiB)
#define GiB (1024 * MiB)
#define PAGE ((size_t)4096)
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define UNUSED __attribute__((unused))

#ifndef MADV_GUARD_INSTALL // Linux 6.13
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static UNUSED void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(sentence, sizeof sentence - 1, format, arguments);
    va_end(arguments);
    if (n > (int)sizeof sentence - 2)
        n = sizeof sentence - 2;
    sentence[n++] = '\n';
    (void)!write(2, sentence, n);
    _exit(1);
}

#define CHECK(condition, ...) do { if (!(condition)) fail(__VA_ARGS__); } while (0)

// A failed system call, with its errno in words.
#define SYS(expression) ({ \
    long result_ = (long)(expression); \
    if (result_ == -1) fail("%s:%d: %s: %s", __FILE__, __LINE__, #expression, strerror(errno)); \
    result_; })

static UNUSED double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static UNUSED void sleep_milliseconds(long milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += milliseconds % 1000 * 1000000;
    until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static UNUSED long setting(const char *name, long fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : fallback;
}

// Lets several idle periods pass, so that whatever is not in use can be sealed. Without a pager it is next to nothing.
static UNUSED void settle(void)
{
    sleep_milliseconds(setting("TARGET_SETTLE_MS", 1));
}

static UNUSED uint64_t mix(uint64_t x)
{
    x ^= x >> 30, x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27, x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static UNUSED uint64_t word_at(uint64_t seed, size_t index)
{
    return mix(seed * 0x9e3779b97f4a7c15ull + index + 1);
}

// Fills whole words with a pattern that depends on the seed and on the place counted from `first_word`.
static UNUSED void fill_from(void *start, size_t length, uint64_t seed, size_t first_word)
{
    uint64_t *words = start;
    for (size_t i = 0; i < length / 8; i++)
        words[i] = word_at(seed, first_word + i);
}

static UNUSED void verify_from(const void *start, size_t length, uint64_t seed, size_t first_word, const char *what)
{
    const volatile uint64_t *words = start;
    for (size_t i = 0; i < length / 8; i++) {
        uint64_t seen = words[i], wanted = word_at(seed, first_word + i);
        if (seen != wanted)
            fail("%s: word %zu of %zu at %p is %016lx instead of %016lx", what, i, length / 8, (void *)&words[i],
                (unsigned long)seen, (unsigned long)wanted);
    }
}

static UNUSED void fill(void *start, size_t length, uint64_t seed)
{
    fill_from(start, length, seed, 0);
}

static UNUSED void verify(const void *start, size_t length, uint64_t seed, const char *what)
{
    verify_from(start, length, seed, 0, what);
}

static UNUSED void verify_zero(const void *start, size_t length, const char *what)
{
    const volatile uint64_t *words = start;
    for (size_t i = 0; i < length / 8; i++) {
        uint64_t seen = words[i];
        if (seen != 0)
            fail("%s: word %zu of %zu is %016lx instead of zero", what, i, length / 8, (unsigned long)seen);
    }
}

static UNUSED void *map_with(size_t length, int protection, int more_flags)
{
    void *p = mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | more_flags, -1, 0);
    CHECK(p != MAP_FAILED, "cannot map %zu bytes: %s", length, strerror(errno));
    return p;
}

static UNUSED void *map(size_t length)
{
    return map_with(length, PROT_READ | PROT_WRITE, 0);
}

// Waits for one child that must exit 0.
static UNUSED void reap_good(pid_t child, const char *what)
{
    int status;
    pid_t got;
    while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR)
        ;
    CHECK(got == child, "%s: waiting for child %d gave %d: %s", what, child, got, strerror(errno));
    CHECK(!WIFSIGNALED(status), "%s: child died of signal %d", what, WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: child exited with %d", what, WEXITSTATUS(status));
}

// In a child that does nothing else.
static UNUSED void verify_in_child(const void *area, size_t length, uint64_t content, const char *what)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        verify(area, length, content, what);
        _exit(0);
    }
    reap_good(child, what);
}

// A child that wants the processor all the time.
static UNUSED pid_t start_busy_process(void)
{
    pid_t child = SYS(fork());
    if (child == 0) {
        SYS(prctl(PR_SET_PDEATHSIG, SIGKILL));
        for (volatile uint64_t count = 0;; count++)
            ;
    }
    return child;
}

// Ends a child that would go on for ever.
static UNUSED void end_child(pid_t child)
{
    SYS(kill(child, SIGKILL));
    SYS(waitpid(child, NULL, 0));
}

// Memory that is filled anew, left alone for a while, and read, by a child too.
static UNUSED void use_in_rounds(unsigned char *area, size_t length, int rounds, const char *what)
{
    for (int round = 1; round <= rounds; round++) {
        fill(area, length, round);
        settle();
        verify(area, length, round, what);
        verify_in_child(area, length, round, what);
    }
}

static UNUSED pthread_t spawn(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);
    CHECK(error == 0, "cannot create a thread: %s", strerror(error));
    return thread;
}

static UNUSED void join(pthread_t thread)
{
    int error = pthread_join(thread, NULL);
    CHECK(error == 0, "cannot join a thread: %s", strerror(error));
}

// The process ids of the children of the first thread, those it never made among them, with a space after each; proc_pid_children(5).
static UNUSED void list_children(char *text, size_t bytes)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, text, bytes - 1);
    text[length > 0 ? length : 0] = 0;
    close(fd);
}

// Threads of a process that is about to end: one that only waits, and one that executes another program after some microseconds.
static UNUSED void *wait_for_ever(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

static UNUSED void *execute_true(void *microseconds)
{
    usleep((uintptr_t)microseconds);
    execl("/bin/true", "true", (char *)NULL);
    fail("execl: %s", strerror(errno));
}

// Memory that lies idle while the program does its work, so that there is always something to seal and, at the end,
// something to open again.
enum { BallastPages = 512 };
static UNUSED unsigned char *ballast;

static UNUSED void begin(void)
{
    ballast = map(BallastPages * PAGE);
    fill(ballast, BallastPages * PAGE, 0xba11a57);
}

static UNUSED int finish(const char *text)
{
    settle();
    verify(ballast, BallastPages * PAGE, 0xba11a57, "idle memory of the program");
    printf("%s\n", text);
    return fflush(stdout) == 0 ? 0 : 1;
}
#endif
