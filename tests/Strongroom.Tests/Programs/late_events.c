// Two threads change the layout at once, the second where the first has just left: each page follows its own call, although the
// kernel may report the calls in the other order. A third thread holds the layout so that both wait for it; the second has real-time
// priority on the processor of the first, so that it runs before the first can report.
#include "common.h"

enum { Pages = 512, HolderBytes = 256 * MiB, Rounds = 2 };

static unsigned char *from, *left, *to, *holder;
static pthread_barrier_t together;
static _Atomic pid_t leaver; // the first thread while it is on its way, then 0

static void pause_microseconds(long microseconds)
{
    struct timespec t = {0, microseconds * 1000};
    nanosleep(&t, NULL);
}

// Whether the first thread waits for the layout, inside its call.
static bool waits(pid_t thread)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    char *end = strrchr(text, ')');
    return length > 0 && end && end[2] == 'D';
}

static void wait_for_the_first(void)
{
    while (atomic_load(&leaver) && !waits(leaver))
        pause_microseconds(30);
}

static void place(int processor, int priority)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    struct sched_param parameter = {.sched_priority = priority};
    (void)sched_setaffinity(0, sizeof set, &set);                               // without it the test shows less, but holds
    (void)sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &parameter);
}

static void *hold(void *unused)
{
    (void)unused;
    place(1, 0);
    pthread_barrier_wait(&together);
    SYS(munmap(holder, HolderBytes)); // some milliseconds
    return NULL;
}

static void *leave(void *how)
{
    place(0, 0);
    leaver = gettid();
    pthread_barrier_wait(&together);
    pause_microseconds(200);
    if (how)
        SYS(mremap(left, Pages * PAGE, Pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
    else
        SYS(munmap(left, Pages * PAGE));
    leaver = 0;
    return NULL;
}

static void *land(void *unused)
{
    (void)unused;
    place(0, 10);
    pthread_barrier_wait(&together);
    wait_for_the_first();
    SYS(mremap(from, Pages * PAGE, Pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, left));
    return NULL;
}

static bool is_mapped(unsigned char *area)
{
    unsigned char resident;
    return mincore(area, PAGE, &resident) == 0;
}

static void *branch(void *unused)
{
    (void)unused;
    place(0, 10);
    pthread_barrier_wait(&together);
    wait_for_the_first();
    pid_t child = SYS(fork());
    if (child == 0) {
        // The fork came before or after the move, but never in its middle.
        verify(is_mapped(to) ? to : left, Pages * PAGE, 2, "memory moved while a child was made");
        _exit(0);
    }
    reap_good(child, "a child made beside mremap");
    return NULL;
}

static void prepare(void)
{
    from = map(Pages * PAGE);
    left = map(Pages * PAGE);
    to = map(Pages * PAGE);
    fill(from, Pages * PAGE, 1);
    fill(left, Pages * PAGE, 2);
    holder = mmap(NULL, HolderBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(holder != MAP_FAILED, "no memory to hold the layout with");
    SYS(munmap(to, Pages * PAGE)); // last, or something else is placed there
    settle();
}

static void run(void *second(void *), void *how)
{
    pthread_t threads[3];
    pthread_barrier_init(&together, NULL, 3);
    pthread_create(&threads[0], NULL, hold, NULL);
    pthread_create(&threads[1], NULL, leave, how);
    pthread_create(&threads[2], NULL, second, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    begin();
    for (int round = 0; round < Rounds; round++) {
        // The second may have come first after all: then what it landed on is what left.
        prepare();
        run(land, NULL);
        if (is_mapped(left)) {
            verify(left, Pages * PAGE, 1, "memory that landed where other memory was unmapped");
            SYS(munmap(left, Pages * PAGE));
        }

        prepare();
        run(land, &round);
        verify(to, Pages * PAGE, is_mapped(left) ? 2 : 1, "the memory that moved away");
        if (is_mapped(left)) {
            verify(left, Pages * PAGE, 1, "memory that landed where other memory moved away");
            SYS(munmap(left, Pages * PAGE));
        }
        SYS(munmap(to, Pages * PAGE));

        prepare();
        run(branch, &round);
        verify(to, Pages * PAGE, 2, "the memory that moved beside a fork");
        verify(from, Pages * PAGE, 1, "other memory");
        SYS(munmap(from, Pages * PAGE));
        SYS(munmap(to, Pages * PAGE));
    }
    return finish("every page followed its call");
}
