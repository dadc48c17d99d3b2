// Shared memory stays shared between parent, children and mappings, next to private memory that is sealed.
#include "common.h"

enum { Pages = 256 };

int main(void)
{
    begin();
    unsigned char *anonymous = mmap(NULL, Pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int file = SYS(memfd_create("shared", MFD_CLOEXEC));
    SYS(ftruncate(file, Pages * PAGE));
    unsigned char *one = mmap(NULL, Pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    unsigned char *two = mmap(NULL, Pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(anonymous != MAP_FAILED && one != MAP_FAILED && two != MAP_FAILED, "mmap: %s", strerror(errno));
    for (uint64_t round = 0; round < 4; round++) {
        fill(anonymous, Pages * PAGE, round), fill(one, Pages * PAGE, round + 10);
        settle();
        verify(two, Pages * PAGE, round + 10, "the second view");
        pid_t child = SYS(fork());
        if (child == 0) {
            verify(anonymous, Pages * PAGE, round, "shared memory in a child");
            settle();
            fill(anonymous, Pages * PAGE, round + 20);
            fill(two, Pages * PAGE, round + 30);
            fill(ballast, BallastPages * PAGE, 1);
            _exit(0);
        }
        reap_good(child, "a child");
        verify(anonymous, Pages * PAGE, round + 20, "what a child wrote to shared memory");
        verify(one, Pages * PAGE, round + 30, "what a child wrote to a shared file");
    }
    return finish("shared is shared");
}
