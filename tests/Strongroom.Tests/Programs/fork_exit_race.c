// Children exit, or are killed, at any moment while their parent writes the memory that they share.
#include "common.h"

enum { Pages = 256, Rounds = 60 };

int main(void)
{
    begin();
    unsigned char *area = map(Pages * PAGE);
    for (int round = 0; round < Rounds; round++) {
        fill(area, Pages * PAGE, round);
        if (round % 12 == 0)
            settle();
        pid_t child = SYS(fork());
        if (child == 0) {
            for (size_t page = 0; page < (size_t)round * 4 && page < Pages; page++)
                area[page * PAGE] = 1;
            if (round % 3 == 0)
                _exit(0);
            for (;;)
                for (size_t page = 0; page < Pages; page++)
                    area[page * PAGE]++;
        }
        for (size_t page = 0; page < Pages; page += 2)
            fill(area + page * PAGE, PAGE, 1000 + round);
        if (round % 3 != 0)
            SYS(kill(child, SIGKILL));
        int status;
        SYS(waitpid(child, &status, 0));
        CHECK(round % 3 == 0 ? WIFEXITED(status) : WIFSIGNALED(status), "a child ended with status %x", status);
        for (size_t page = 0; page < Pages; page++)
            if (page % 2 == 0)
                verify(area + page * PAGE, PAGE, 1000 + round, "pages written during the child's end");
            else
                verify_from(area + page * PAGE, PAGE, round, page * (PAGE / 8), "pages left alone");
    }
    return finish("the parent was undisturbed");
}
