// Pages change between no access, read-only, and writable while they are sealed; faults come when they should.
#include "common.h"
#include <setjmp.h>

enum { Pages = 256 };
static sigjmp_buf escape;
static volatile void *fault_address;

static void on_fault(int signal, siginfo_t *information, void *context)
{
    (void)signal, (void)context;
    fault_address = information->si_addr;
    siglongjmp(escape, information->si_code);
}

// Returns the si_code of the fault that an access makes, or 0.
static int access_code(volatile unsigned char *p, bool write)
{
    int code = sigsetjmp(escape, 1);
    if (code != 0) {
        CHECK(fault_address == p, "the fault was reported at %p instead of %p", fault_address, p);
        return code;
    }
    if (write)
        *p = *p;
    else
        (void)*p;
    return 0;
}

int main(void)
{
    begin();
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    SYS(sigaction(SIGSEGV, &action, NULL));
    unsigned char *area = map(Pages * PAGE);
    static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ };
    for (int round = 0; round < 10; round++) {
        SYS(mprotect(area, Pages * PAGE, PROT_READ | PROT_WRITE));
        fill(area, Pages * PAGE, round);
        if (round % 2 == 0)
            settle();
        for (int part = 0; part < 5; part++)
            SYS(mprotect(area + part * 50 * PAGE, 50 * PAGE, protections[(part + round) % 5]));
        if (round % 3 == 0)
            settle();
        for (int part = 0; part < 5; part++)
            for (int page = part * 50; page < part * 50 + 50; page += 7) {
                int protection = protections[(part + round) % 5];
                int read_code = access_code(area + page * PAGE + 8, false);
                int write_code = access_code(area + page * PAGE + 16, true);
                CHECK(read_code == (protection == PROT_NONE ? SEGV_ACCERR : 0), "reading page %d gave code %d", page,
                    read_code);
                CHECK(write_code == (protection & PROT_WRITE ? 0 : SEGV_ACCERR), "writing page %d gave code %d", page,
                    write_code);
            }
        for (int part = 0; part < 5; part++)
            if (protections[(part + round) % 5] == PROT_READ)
                verify_from(area + part * 50 * PAGE, 50 * PAGE, round, part * 50 * (PAGE / 8), "read-only pages");
        SYS(mprotect(area, Pages * PAGE, PROT_READ | PROT_WRITE));
        verify(area, Pages * PAGE, round, "pages writable again");
    }
    return finish("protections held");
}
