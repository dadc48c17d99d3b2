// Memory of a descriptor that owns a key: what is idle is sealed and comes back, in every process, for the kernel too.
#include "keys.h"
#include <sys/socket.h>
#include <sys/uio.h>
enum { Length = 64 << 12 };

static int make(int32_t key)
{
    int fd = SYS(strongroom_open(O_CLOEXEC));
    SYS(strongroom_set_key(fd, key));
    SYS(ftruncate(fd, Length));
    return fd;
}

static unsigned char *view(int fd)
{
    unsigned char *area = mmap(NULL, Length, RW, MAP_SHARED, fd, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    return area;
}

// Whether this mapping has been replaced: the file does not show in /proc/self/maps any more.
static bool is_sealed(const void *area)
{
    char line[512];
    bool is = true;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strtoull(line, NULL, 16) == (uintptr_t)area)
            is = strstr(line, "/secretmem") == NULL;
    fclose(maps);
    return is;
}

static void until_sealed(const void *area)
{
    for (int i = 0; i < 400 && !is_sealed(area); i++)
        sleep_milliseconds(25);
    CHECK(is_sealed(area), "idle memory is not sealed");
}

static void *reader(void *area)
{
    verify(area, Length, 5, "what a thread reads");
    return NULL;
}

int main(void)
{
    begin();
    CASE("idle memory is sealed, and opened by whoever touches it");
    int32_t key = SYS(add("key", CPU_KEY));
    int fd = make(key);
    unsigned char *area = view(fd);
    fill(area, Length, 1);
    for (int i = 0; i < 3; i++) {
        until_sealed(area);
        verify(area, Length, 1 + i, "sealed and opened");
        fill(area, Length, 2 + i);
    }

    CASE("its mappings show the KeyID, sealed or not");
    CHECK(key_id_of(area) == 1, "KeyID %d of an open mapping", key_id_of(area));
    until_sealed(area);
    CHECK(key_id_of(area) == 1 && is_sealed(area), "KeyID %d of a sealed mapping", key_id_of(area));
    CASE("the kernel reads and writes it for the program");
    int pipe_ends[2];
    static char copy[Length];
    SYS(pipe(pipe_ends));
    until_sealed(area);
    CHECK(SYS(write(pipe_ends[1], area, Length / 8)) == Length / 8, "write");
    SYS(read(pipe_ends[0], copy, Length / 8));
    CHECK(memcmp(copy, area, Length / 8) == 0, "what the kernel read");
    until_sealed(area);
    SYS(write(pipe_ends[1], copy, 100));
    CHECK(SYS(read(pipe_ends[0], area + PAGE, 100)) == 100, "read");
    CHECK(memcmp(area + PAGE, copy, 100) == 0, "what the kernel wrote");

    CASE("threads that open it at once");
    fill(area, Length, 5);
    until_sealed(area);
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT(threads); i++)
        threads[i] = spawn(reader, area);
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);

    CASE("mapped, unmapped in part, protected and moved while it is sealed");
    until_sealed(area);
    unsigned char *second = view(fd);
    verify(second, Length, 5, "a second mapping");
    second[0] ^= 1, second[0] ^= 1;
    SYS(munmap(second + Length / 2, Length / 2));
    until_sealed(area);
    verify(second, Length / 2, 5, "what is left of it");
    until_sealed(area);
    SYS(mprotect(area, Length / 2, PROT_READ));
    verify(area, Length, 5, "of which a half was protected while sealed");
    SYS(mprotect(area, Length, RW));
    until_sealed(area);
    unsigned char *moved = mremap(area, Length, Length, MREMAP_MAYMOVE | MREMAP_FIXED, map(Length));
    CHECK(moved != MAP_FAILED, "mremap: %s", strerror(errno));
    verify(moved, Length, 5, "moved while sealed");
    CASE("a program that locks all it maps keeps it open");
    SYS(munmap(moved, Length));
    area = view(fd);
    SYS(mlockall(MCL_FUTURE));
    for (int i = 0; i < 10; i++) {
        sleep_milliseconds(100);
        verify(area, Length, 5, "with mlockall");
    }
    SYS(munlockall());
    until_sealed(area);
    verify(area, Length, 5, "after munlockall");
    return finish("memory that owns a key");
}
