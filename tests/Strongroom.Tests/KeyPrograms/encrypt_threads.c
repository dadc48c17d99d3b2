// 32 threads make keys and change memory at once, others use theirs meanwhile; signals come and children are killed in the middle.
#include "keys.h"
#include <signal.h>
enum { Threads = 32, Rounds = 12, Length = 64 << 10 };

static void *body(void *argument)
{
    long self = (long)argument;
    char name[32];
    unsigned char *area = map(Length);
    sprintf(name, "thread %ld", self);
    for (int round = 0; round < Rounds; round++) {
        int32_t key = SYS(strongroom_add_key(name, round & 1 ? USER_KEY : CPU_KEY, KEY_SPEC_THREAD_KEYRING));
        fill(area, Length, self * 1000 + round);
        SYS(encrypt_mprotect(area, Length, round % 3 ? RW : RW | PROT_EXEC, key));
        verify_zero(area, Length, "a thread's memory with its new key");
        fill(area, Length, self * 2000 + round);
        verify(area, Length, self * 2000 + round, "a thread's memory");
        drop(key);
        verify(area, Length, self * 2000 + round, "a thread's memory without its key");
    }
    return NULL;
}

static void on_alarm(int signal) { (void)signal; }

int main(void)
{
    begin();
    CASE("32 threads at once, with signals");
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    SYS(sigaction(SIGALRM, &action, NULL));
    pthread_t threads[Threads];
    for (long i = 0; i < Threads; i++)
        threads[i] = spawn(body, (void *)i);
    for (int i = 0; i < 50; i++) {
        SYS(kill(getpid(), SIGALRM));
        sleep_milliseconds(5);
    }
    for (int i = 0; i < Threads; i++)
        join(threads[i]);

    CASE("callers killed in the middle");
    for (int i = 0; i < 12; i++) {
        pid_t child = SYS(fork());
        if (child == 0) {
            int32_t key = add("child", CPU_KEY), other = add("other child", CPU_KEY);
            unsigned char *area = map(Length);
            for (;;) {
                memset(area, 1, Length);
                encrypt_mprotect(area, Length, RW, key);
                encrypt_mprotect(area, Length, RW, other);
            }
        }
        sleep_milliseconds(10 + 7 * i);
        SYS(kill(child, SIGKILL));
        int status;
        CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL, "a killed child");
    }
    return finish("32 threads at once");
}
