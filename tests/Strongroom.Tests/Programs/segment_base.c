// A thread whose GS base is in the kernel's half of the addresses, which ptrace(2) reads but refuses to write.
// run: cflags=-pthread,-mfsgsbase window=1M idle=10ms
#include "common.h"
#include <immintrin.h>
#include <sys/auxv.h>

enum { HasFsGsBase = 1 << 1 }; // HWCAP2_FSGSBASE, asm/hwcap2.h

static const unsigned long long Base = 0xffffffff80001000;

int main(void)
{
    begin();
    unsigned char *memory = map(4 * MiB);
    fill(memory, 4 * MiB, 1);
    int can = (getauxval(AT_HWCAP2) & HasFsGsBase) != 0; // if not, only arch_prctl(2) sets it, and refuses such a base
    if (can)
        _writegsbase_u64(Base);
    for (int round = 0; round < 5; round++) {
        settle();
        verify(memory, 4 * MiB, 1, "memory beside such a base");
        verify_in_child(memory, 4 * MiB, 1, "a child of such a thread");
        CHECK(!can || _readgsbase_u64() == Base, "the base changed to %llx", _readgsbase_u64());
    }
    return finish("a base in the kernel's half");
}
