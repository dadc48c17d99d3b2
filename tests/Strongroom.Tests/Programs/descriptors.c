// The program finds the descriptors open that it would find anyway, and the numbers it gets are the lowest free ones.
#include "common.h"
#include <dirent.h>

static int list(char *text, size_t room)
{
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory, "opendir: %s", strerror(errno));
    int count = 0, fds[256];
    for (struct dirent *e; (e = readdir(directory));)
        if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(directory))
            fds[count++] = atoi(e->d_name);
    closedir(directory);
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += snprintf(text + used, room - used, "%d ", fds[i]);
    return count;
}

int main(void)
{
    begin();
    char before[1024], after[1024];
    list(before, sizeof before);
    settle();
    list(after, sizeof after);
    CHECK(!strcmp(before, after), "descriptors changed from %s to %s", before, after);
    pid_t child = SYS(fork());
    if (child == 0) {
        settle();
        list(after, sizeof after);
        CHECK(!strcmp(before, after), "a child has descriptors %s instead of %s", after, before);
        _exit(0);
    }
    reap_good(child, "a child");
    int lowest = SYS(open("/dev/null", O_RDONLY));
    printf("descriptors %s, next %d\n", before, lowest);
    return finish("nothing was left open");
}
