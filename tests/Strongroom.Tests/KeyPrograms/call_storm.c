// Threads make calls that the tracer answers, others calls that are answered at once: each answer is given while others are, and signals
// come to whoever gives them.
#include "keys.h"
#include <sys/prctl.h>
enum { Makers = 8, Askers = 8, Rounds = 600 };

static volatile int running = Makers;

static void *make(void *argument)
{
    char name[32];
    sprintf(name, "maker %ld", (long)argument);
    for (int i = 0; i < Rounds; i++)
        drop(SYS(strongroom_add_key(name, CPU_KEY, KEY_SPEC_THREAD_KEYRING)));
    __sync_fetch_and_sub(&running, 1);
    return NULL;
}

static void *ask(void *argument)
{
    (void)argument;
    while (running > 0)
        CHECK(SYS(prctl(PR_GET_SECCOMP)) == 0, "a thread is behind no filter");
    return NULL;
}

int main(void)
{
    begin();
    CASE("calls from 16 threads at once");
    pthread_t threads[Makers + Askers];
    for (long i = 0; i < Makers + Askers; i++)
        threads[i] = spawn(i < Makers ? make : ask, (void *)i);
    for (int i = 0; i < Makers + Askers; i++)
        join(threads[i]);
    return finish("a storm of calls");
}
