// A thread and a process die holding robust mutexes in sealed memory: the next owner is told, with the data intact.
// run: cflags=-pthread
#include "common.h"

struct held { pthread_mutex_t mutex; uint64_t data[400]; };

static void *die_holding(void *argument)
{
    struct held *h = argument;
    CHECK(pthread_mutex_lock(&h->mutex) == 0, "lock");
    fill(h->data, sizeof h->data, 31);
    settle();
    return NULL;
}

int main(void)
{
    begin();
    pthread_mutexattr_t robust, shared;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    for (int round = 0; round < 4; round++) {
        struct held *private = map(sizeof *private);
        pthread_mutex_init(&private->mutex, &robust);
        settle();
        join(spawn(die_holding, private));
        int error = pthread_mutex_lock(&private->mutex);
        CHECK(error == EOWNERDEAD, "after a thread's death the lock says: %s", strerror(error));
        verify(private->data, sizeof private->data, 31, "data of a dead thread");
        CHECK(pthread_mutex_consistent(&private->mutex) == 0, "consistent");
        pthread_mutex_unlock(&private->mutex);
        struct held *common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(common != MAP_FAILED, "mmap: %s", strerror(errno));
        pthread_mutex_init(&common->mutex, &shared);
        pid_t child = SYS(fork());
        if (child == 0) {
            (void)die_holding(common);
            if (round % 2)
                (void)raise(SIGKILL);
            _exit(0);
        }
        int status;
        SYS(waitpid(child, &status, 0));
        error = pthread_mutex_lock(&common->mutex);
        CHECK(error == EOWNERDEAD, "after a process's death the lock says: %s", strerror(error));
        verify(common->data, sizeof common->data, 31, "data of a dead process");
    }
    return finish("dead owners were noticed");
}
