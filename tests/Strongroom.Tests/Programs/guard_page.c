// A handler for SIGSEGV opens guard pages on demand, with exact addresses, as garbage collectors do.
#include "common.h"

enum { Pages = 200 };
static unsigned char *area;
static volatile sig_atomic_t faults;

static void on_fault(int signal, siginfo_t *information, void *context)
{
    (void)context;
    uintptr_t at = (uintptr_t)information->si_addr;
    if (signal != SIGSEGV || at < (uintptr_t)area || at >= (uintptr_t)area + Pages * PAGE)
        fail("signal %d at %p", signal, (void *)at);
    SYS(mprotect((void *)(at & -PAGE), PAGE, PROT_READ | PROT_WRITE));
    faults = faults + 1;
}

int main(void)
{
    begin();
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    SYS(sigaction(SIGSEGV, &action, NULL));
    area = map(Pages * PAGE);
    fill(area, Pages * PAGE, 6);
    for (int round = 0; round < 4; round++) {
        SYS(mprotect(area, Pages * PAGE, PROT_NONE));
        if (round % 2 == 0)
            settle();
        faults = 0;
        verify(area, Pages * PAGE, 6, "memory behind guard pages");
        CHECK(faults == Pages, "%d faults for %d pages", (int)faults, Pages);
    }
    return finish("guards were opened on demand");
}
