// secretmemfd of July 2020: its modes, its errors, and memory that nobody else can read.
// run: unsealed
#include "keys.h"
#include <fcntl.h>
#include <sys/uio.h>

int main(void)
{
    begin();
    REFUSED(secretmemfd(SECRETMEM_UNCACHED), EOPNOTSUPP);
    REFUSED(secretmemfd(SECRETMEM_EXCLUSIVE | SECRETMEM_UNCACHED), EINVAL);
    REFUSED(secretmemfd(4), EINVAL);
    int fd = SYS(secretmemfd(SECRETMEM_EXCLUSIVE)), other = SYS(secretmemfd(SECRETMEM_EXCLUSIVE | O_CLOEXEC));
    CHECK((SYS(fcntl(fd, F_GETFD)) & FD_CLOEXEC) == 0 && (SYS(fcntl(other, F_GETFD)) & FD_CLOEXEC) != 0, "close-on-exec");
    SYS(ftruncate(fd, 2 * PAGE));
    REFUSED(ftruncate(fd, PAGE), EINVAL);
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL, "a private mapping");
    char *secret = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0), copy[16];
    CHECK(secret != MAP_FAILED, "mmap: %s", strerror(errno));
    strcpy(secret, "a secret");
    REFUSED(read(fd, copy, 1), EINVAL);
    struct iovec local = { copy, 8 }, remote = { secret, 8 };
    REFUSED(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), EFAULT);
    pid_t child = SYS(fork());
    if (child == 0) {
        char *same = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
        _exit(same == MAP_FAILED || strcmp(same, "a secret") != 0);
    }
    reap_good(child, "a child that shares the descriptor");
    int unusable = SYS(secretmemfd(0));
    SYS(ftruncate(unusable, PAGE));
    CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, unusable, 0) == MAP_FAILED && errno == EINVAL, "a mapping of what has no mode");
    int upstream = SYS(syscall(447, 0));
    SYS(ftruncate(upstream, PAGE));
    return finish("secret memory");
}
