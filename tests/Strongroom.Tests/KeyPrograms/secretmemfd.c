// secretmemfd of July 2020: its modes, its errors, and memory that nobody else can read.
// run: unsealed
#include "keys.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/ptrace.h>

int main(void)
{
    begin();
    CASE("an unknown bit");
    REFUSED(secretmemfd(4), EINVAL);
    REFUSED(secretmemfd(4 | SECRETMEM_UNCACHED), EINVAL);
    CASE("both modes");
    REFUSED(secretmemfd(SECRETMEM_EXCLUSIVE | SECRETMEM_UNCACHED), EINVAL);
    CASE("UNCACHED");
    REFUSED(secretmemfd(SECRETMEM_UNCACHED), EOPNOTSUPP);
    CASE("no mode: a descriptor that cannot be mapped");
    int unusable = SYS(secretmemfd(0));
    SYS(ftruncate(unusable, PAGE));
    CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, unusable, 0) == MAP_FAILED && errno == EINVAL, "a mapping of what has no mode");
    CASE("close-on-exec on demand");
    int fd = SYS(secretmemfd(SECRETMEM_EXCLUSIVE)), other = SYS(secretmemfd(SECRETMEM_EXCLUSIVE | O_CLOEXEC));
    CHECK((SYS(fcntl(fd, F_GETFD)) & FD_CLOEXEC) == 0 && (SYS(fcntl(other, F_GETFD)) & FD_CLOEXEC) != 0, "close-on-exec");
    CASE("a file system of its own");
    struct statfs system;
    SYS(fstatfs(fd, &system));
    CHECK(system.f_type == 0x5345434d, "type %lx", (long)system.f_type);
    CASE("sized once");
    SYS(ftruncate(fd, 2 * PAGE));
    REFUSED(ftruncate(fd, PAGE), EINVAL);
    CASE("private mappings are refused");
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL, "a private mapping");
    CASE("mapping is all that can be done with it");
    char *secret = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0), copy[16];
    CHECK(secret != MAP_FAILED, "mmap: %s", strerror(errno));
    strcpy(secret, "a secret");
    REFUSED(read(fd, copy, 1), EINVAL);
    REFUSED(write(fd, copy, 1), EINVAL);
    CASE("no access by way of the kernel");
    struct iovec local = { copy, 8 }, remote = { secret, 8 };
    REFUSED(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), EFAULT);
    int memory = SYS(open("/proc/self/mem", O_RDONLY));
    REFUSED(pread(memory, copy, 8, (uintptr_t)secret), EIO);
    CASE("locked memory counts");
    pid_t child = SYS(fork());
    if (child == 0) {
        struct rlimit limit = { PAGE, PAGE };
        SYS(setrlimit(RLIMIT_MEMLOCK, &limit));
        drop_capabilities();
        SYS(ftruncate(other, 4 * PAGE));
        CHECK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, other, 0) == MAP_FAILED && errno == EAGAIN, "beyond RLIMIT_MEMLOCK");
        _exit(0);
    }
    reap_good(child, "a child with little memory to lock");
    CASE("SIGBUS behind the end");
    child = SYS(fork());
    if (child == 0) {
        volatile char *beyond = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
        _exit(beyond[3 * PAGE]);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "behind the end: %x", status);
    CASE("the descriptor is shared over fork");
    child = SYS(fork());
    if (child == 0) {
        char *same = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
        _exit(same == MAP_FAILED || strcmp(same, "a secret") != 0);
    }
    reap_good(child, "a child that shares the descriptor");
    CASE("memfd_secret passes through");
    int upstream = SYS(syscall(447, 0));
    SYS(ftruncate(upstream, PAGE));
    CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, upstream, 0) != MAP_FAILED, "mmap: %s", strerror(errno));
    return finish("secret memory");
}
