// Several VMAs at once: all of them, or none when one is not anonymous; up to a hole; after madvise; locked memory.
#include "keys.h"
enum { Length = 1 << 20 };

int main(void)
{
    begin();
    int32_t key = SYS(add("key", CPU_KEY)), other = SYS(add("other", CPU_KEY));
    unsigned char *area = map(12 * Length);
    for (int i = 1; i < 12; i += 2)
        SYS(mprotect(area + i * Length, Length, PROT_READ));
    CASE("several VMAs, all anonymous");
    SYS(encrypt_mprotect(area, 12 * Length, RW, key));
    fill(area, 12 * Length, 1);
    settle();
    CASE("six of twelve get another key");
    SYS(encrypt_mprotect(area, 6 * Length, RW, other));
    verify_zero(area, 6 * Length, "six with another key");
    verify_from(area + 6 * Length, 6 * Length, 1, 6 * Length / 8, "six with the first key");

    CASE("one that is shared among them");
    CHECK(mmap(area + 8 * Length, Length, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED, "mmap");
    REFUSED(encrypt_mprotect(area + 6 * Length, 6 * Length, RW, other), EINVAL);
    verify_from(area + 6 * Length, 2 * Length, 1, 6 * Length / 8, "nothing changed");
    CASE("a hole: changed up to it");
    SYS(munmap(area + 8 * Length, Length));
    REFUSED(encrypt_mprotect(area + 6 * Length, 6 * Length, RW, other), ENOMEM);
    verify_zero(area + 6 * Length, 2 * Length, "changed up to the hole");
    verify_from(area + 9 * Length, 3 * Length, 1, 9 * Length / 8, "unchanged behind the hole");

    CASE("memory with advice, and advice on keyed memory");
    static const int advice[] = { MADV_MERGEABLE, MADV_HUGEPAGE, MADV_DONTFORK, MADV_DONTDUMP, MADV_RANDOM };
    for (size_t i = 0; i < COUNT(advice); i++) {
        unsigned char *more = map(4 * Length);
        madvise(more, 4 * Length, advice[i]);
        SYS(encrypt_mprotect(more, 4 * Length, RW, key));
        fill(more, 4 * Length, i);
        settle();
        verify(more, 4 * Length, i, "memory with advice");
        SYS(madvise(more + Length, Length, MADV_DONTNEED));
        verify_zero(more + Length, Length, "dropped memory");
        SYS(munmap(more, 4 * Length));
    }
    CASE("locked memory");
    unsigned char *locked = map(16 * PAGE);
    SYS(mlock(locked, 16 * PAGE));
    fill(locked, 16 * PAGE, 7);
    SYS(encrypt_mprotect(locked, 16 * PAGE, RW, key));
    verify_zero(locked, 16 * PAGE, "locked memory that got a key");
    return finish("ranges of every kind");
}
