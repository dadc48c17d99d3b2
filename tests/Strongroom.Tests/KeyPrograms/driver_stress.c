// Many processes and threads use, map, unmap and fork memory of descriptors with keys, and are killed in the middle.
#include "keys.h"
enum { Files = 4, Words = 2048, Seconds = 6 };

static int files[Files];
static double end;
static uint64_t seed;

static unsigned char *view(int fd)
{
    unsigned char *area = mmap(NULL, Words * 8, RW, MAP_SHARED, fd, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    return area;
}

// Each word that is not zero holds its own index: whoever writes writes the same, so any other value is a wrong byte.
static void touch(uint64_t *words, uint64_t *state)
{
    for (int i = 0; i < 64; i++) {
        size_t at = (*state = mix(*state + i + 1)) % Words;
        uint64_t seen = words[at];
        CHECK(seen == at + 1, "word %zu is %lx", at, (unsigned long)seen);
        words[at] = at + 1;
    }
}

static void *body(void *argument)
{
    uint64_t state = seed + (uintptr_t)argument;
    uint64_t *words = NULL;
    while (seconds() < end) {
        state = mix(state + 7);
        int fd = files[state % Files];
        if (!words)
            words = (uint64_t *)view(fd);
        touch(words, &state);
        if (state % 3)
            sleep_milliseconds(state % 400);
        if (state % 5 == 0) {
            SYS(munmap(words, Words * 8));
            words = NULL;
        }
    }
    return NULL;
}

int main(void)
{
    begin();
    CASE("processes and threads that use, map, unmap and fork it, and are killed");
    seed = (uint64_t)(seconds() * 1e6);
    printf("seed %lu\n", (unsigned long)seed);
    fflush(stdout);
    end = seconds() + setting("STRESS_SECONDS", Seconds);
    for (int i = 0; i < Files; i++) {
        char name[16];
        sprintf(name, "key %d", i);
        files[i] = SYS(strongroom_open(0));
        SYS(strongroom_set_key(files[i], SYS(add(name, i % 2 ? CPU_KEY : USER_KEY))));
        SYS(ftruncate(files[i], Words * 8));
        uint64_t *words = (uint64_t *)view(files[i]);
        for (size_t k = 0; k < Words; k++)
            words[k] = k + 1;
    }
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        threads[i] = spawn(body, (void *)(i + 1));
    pid_t children[6] = { 0 };
    for (int n = 0; seconds() < end; n++) {
        int i = n % COUNT(children), status;
        if (children[i]) {
            if (n / COUNT(children) % 2)
                SYS(kill(children[i], SIGKILL));
            CHECK(SYS(waitpid(children[i], &status, 0)) == children[i] && (status == 0 || status == SIGKILL), "a child ended with %x", status);
        }
        children[i] = SYS(fork());
        if (children[i] == 0) {
            seed += n * 1000;
            end = seconds() + 0.4;
            pthread_t own = spawn(body, (void *)77);
            body((void *)78);
            join(own);
            _exit(0);
        }
        sleep_milliseconds(60);
    }
    for (size_t i = 0; i < COUNT(children); i++)
        if (children[i])
            reap_good(children[i], "a child");
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);
    for (int i = 0; i < Files; i++) {
        uint64_t *words = (uint64_t *)view(files[i]);
        for (size_t k = 0; k < Words; k++)
            CHECK(words[k] == k + 1, "word %zu is %lx at the end", k, (unsigned long)words[k]);
    }
    return finish("no wrong byte");
}
