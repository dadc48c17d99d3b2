// A program unmaps the code that the kernel gives every process (vDSO), as valgrind does.
// run: idle=10ms
#define _GNU_SOURCE
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define clock_gettime(clock, time) syscall(SYS_clock_gettime, clock, time) // the C library's is in the vDSO
#include "common.h"

enum { VdsoPages = 2 };

int main(void)
{
    SYS(munmap((void *)getauxval(AT_SYSINFO_EHDR), VdsoPages * PAGE));
    begin();
    unsigned char *area = map(4 * MiB);
    use_in_rounds(area, 4 * MiB, 3, "memory of a process without a vDSO");
    return finish("it was covered without a vDSO");
}
