// Code written into anonymous memory, made executable and left idle, still runs.
#include "common.h"

enum { Functions = 64 };

int main(void)
{
    begin();
    unsigned char *code = map(Functions * PAGE);
    for (int i = 0; i < Functions; i++) {
        unsigned char *p = code + i * PAGE;
        p[0] = 0xb8;                                // mov eax, imm32
        memcpy(p + 1, &(int){ i * 1000 + 7 }, 4);
        p[5] = 0xc3;                                // ret
    }
    SYS(mprotect(code, Functions * PAGE, PROT_READ | PROT_EXEC));
    for (int round = 0; round < 4; round++) {
        settle();
        for (int i = 0; i < Functions; i++) {
            int (*function)(void) = (int (*)(void))(code + i * PAGE);
            CHECK(function() == i * 1000 + 7, "function %d is another one", i);
        }
        if (round == 1) {   // Patch it, as a just-in-time compiler does.
            SYS(mprotect(code, Functions * PAGE, PROT_READ | PROT_WRITE));
            SYS(mprotect(code, Functions * PAGE, PROT_READ | PROT_EXEC));
        }
    }
    return finish("idle code runs");
}
