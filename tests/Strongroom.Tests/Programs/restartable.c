// Restartable sequences, rseq(2): a thread that is stopped inside one must go on at its abort handler, never in the middle.
#include "common.h"
#include <sys/rseq.h>

enum { Spins = 20000 };

// Spins inside a sequence. 0: it got through, and the kernel still knew of it at its end; 1: it was aborted; 2: the kernel has forgotten it.
static int run_sequence(struct rseq *area)
{
    int result;
    __asm__ volatile(
        ".pushsection sequences, \"aw\"\n"
        ".balign 32\n"
        "1: .long 0, 0\n"
        ".quad 2f, 3f - 2f, 4f\n"                   // start, length, abort handler: struct rseq_cs
        ".popsection\n"
        "lea 1b(%%rip), %%rax\n"
        "mov %%rax, %c[offset](%[area])\n"
        "2: mov %[spins], %%ecx\n"
        "5: dec %%ecx\n"
        "jnz 5b\n"
        "xor %[result], %[result]\n"
        "cmp %%rax, %c[offset](%[area])\n"
        "je 3f\n"
        "mov $2, %[result]\n"
        "3: jmp 6f\n"
        ".long 0x53053053\n"                        // RSEQ_SIG, without which the kernel does not go to the handler
        "4: mov $1, %[result]\n"
        "6: movq $0, %c[offset](%[area])\n"
        : [result] "=&r"(result)
        : [area] "r"(area), [spins] "i"(Spins), [offset] "i"(offsetof(struct rseq, rseq_cs))
        : "rax", "rcx", "memory", "cc");
    return result;
}

int main(void)
{
    begin();
    CHECK(__rseq_size > 0, "the C library has registered no restartable sequences");
    struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
    long aborted = 0;
    for (double end = seconds() + 0.3; seconds() < end;) {
        int result = run_sequence(area);
        CHECK(result != 2, "a sequence went on after the kernel had forgotten it");
        aborted += result;
    }
    return finish("every sequence ran through or was aborted");
}
