// A load that checks its own memory for as long as it lives: threads, children, reuse of addresses. It never ends by
// itself; at the first wrong byte it writes WRONG.
#include "common.h"

enum { Pages = 1024, Threads = 3 };

static void wrong(const char *what, size_t page, uint64_t seen)
{
    char text[200];
    int n = snprintf(text, sizeof text, "WRONG %s: page %zu shows %016lx\n", what, page, (unsigned long)seen);
    (void)!write(1, text, n);
    _exit(1);
}

static void work_on(uint64_t self)
{
    uint64_t *area = map(Pages * PAGE), versions[Pages] = { 0 };
    for (uint64_t i = 0;; i++) {
        uint64_t random = mix(i * 64 + self);
        size_t page = random % Pages;
        volatile uint64_t *words = area + page * 512;
        for (size_t k = 0; k < 512; k += 73) {
            uint64_t seen = words[k], wanted = versions[page] ? word_at(versions[page], k) : 0;
            if (seen != wanted)
                wrong("memory", page, seen);
        }
        if (random >> 32 & 3) {
            versions[page] = random | 1;
            for (size_t k = 0; k < 512; k += 73)
                words[k] = word_at(versions[page], k);
        } else if ((random >> 34 & 63) == 1) {
            (void)madvise((void *)words, PAGE, MADV_DONTNEED);
            versions[page] = 0;
        }
        if (i % 5000 == 0)
            sleep_milliseconds(random >> 40 & 31);
    }
}

static void *thread_main(void *argument)
{
    work_on((uintptr_t)argument);
    return NULL;
}

static void *fork_without_end(void *argument)
{
    uint64_t *area = argument;
    fill(area, 256 * PAGE, 5);
    for (;;) {
        pid_t child = fork();
        if (child < 0)
            continue;
        for (size_t page = 0; page < 256; page++)
            if (*(volatile uint64_t *)&area[page * 512] != word_at(5, page * 512))
                wrong("memory after a fork", page, area[page * 512]);
        if (child == 0)
            _exit(0);
        (void)waitpid(child, NULL, 0);
        sleep_milliseconds(20);
    }
}

int main(void)
{
    if (fork() == 0)
        work_on(77);
    for (uintptr_t i = 0; i < Threads; i++)
        (void)spawn(thread_main, (void *)i);
    (void)spawn(fork_without_end, map(256 * PAGE));
    sleep_milliseconds(200);
    (void)!write(1, "ready\n", 6);
    for (;;)
        pause();
}
