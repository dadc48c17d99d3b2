// Two thousand forks, of children that fork again, fifty alive at a time, with memory that is sealed.
#include "common.h"

int main(void)
{
    long forks = setting("TARGET_FORKS", 2000), alive = 0;
    unsigned char *area = map(4 * MiB);
    fill(area, 4 * MiB, 1);
    settle();
    for (long i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (*(volatile uint64_t *)(area + mix(i) % 1024 * PAGE) != word_at(1, mix(i) % 1024 * 512))
                _exit(41);
            if (i % 4 == 0 && fork() == 0)
                _exit(0);
            _exit(0);
        }
        if (child < 0 || ++alive > 50) {
            int status;
            if (wait(&status) > 0) {
                alive--;
                CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with status %x", status);
            }
        }
    }
    while (wait(NULL) > 0)
        ;
    verify(area, 4 * MiB, 1, "memory after so many forks");
    printf("forked\n");
    return 0;
}
