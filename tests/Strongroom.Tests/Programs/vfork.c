// A vfork child shares its parent's memory: what it writes is seen, and the parent waits until it is gone.
#include "common.h"

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "child") == 0 ? 7 : 1;
    begin();
    unsigned char *area = map(MiB);
    fill(area, MiB, 3);
    settle();
    for (int i = 0; i < 20; i++) {
        volatile unsigned char *shared = area;
        pid_t child = vfork();
        if (child == 0) {
            shared[i * PAGE] ^= 0xff;
            if (i % 2 == 0)
                _exit(7);
            execl("/proc/self/exe", "vfork", "child", (char *)NULL);
            _exit(99);
        }
        CHECK(child > 0, "vfork failed: %s", strerror(errno));
        int status;
        SYS(waitpid(child, &status, 0));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child's status is %x", status);
        shared[i * PAGE] ^= 0xff;
        verify(area, MiB, 3, "memory shared with a vfork child");
        if (i % 7 == 0)
            settle();
    }
    return finish("vfork shares and waits");
}
