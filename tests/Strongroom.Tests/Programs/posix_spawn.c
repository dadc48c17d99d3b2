// posix_spawn, system and popen start programs from a process whose memory is sealed, also from several threads.
// run: cflags=-pthread
#include "common.h"
#include <spawn.h>

extern char **environ;

static void *start_many(void *argument)
{
    for (long i = 0; i < 6; i++) {
        char number[16];
        snprintf(number, sizeof number, "%ld", (long)argument * 10 + i);
        char *arguments[] = { "posix_spawn", number, NULL };
        pid_t child;
        int error = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), status;
        CHECK(error == 0, "posix_spawn: %s", strerror(error));
        SYS(waitpid(child, &status, 0));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (long)argument * 10 + i, "status %x", status);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return atoi(argv[1]);
    begin();
    settle();
    pthread_t threads[3];
    for (long i = 0; i < 3; i++)
        threads[i] = spawn(start_many, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    settle();
    CHECK(WEXITSTATUS(system("exit 5")) == 5, "system() lost the exit status");
    char line[64] = "";
    FILE *pipe = popen("echo through a pipe", "r");
    CHECK(pipe && fgets(line, sizeof line, pipe) && !strcmp(line, "through a pipe\n"), "popen gave '%s'", line);
    CHECK(pclose(pipe) == 0, "pclose");
    return finish("programs were started");
}
