// strongroom_open and its ioctl: errors and their order; what the memory refuses; KeyIDs held and given back.
// run: unsealed options=--keyid-bits,1
#include "keys.h"
#include <sys/uio.h>

int main(void)
{
    begin();
    CASE("flags: O_CLOEXEC or nothing");
    REFUSED(strongroom_open(1), EINVAL);
    int fd = SYS(strongroom_open(0)), other = SYS(strongroom_open(O_CLOEXEC)), file = SYS(open("/dev/null", O_RDWR));
    CHECK((SYS(fcntl(fd, F_GETFD)) & FD_CLOEXEC) == 0 && (SYS(fcntl(other, F_GETFD)) & FD_CLOEXEC) != 0, "close-on-exec");
    CASE("the request is for such descriptors alone");
    REFUSED(strongroom_set_key(-1, 1), EBADF);
    REFUSED(strongroom_set_key(file, 1), ENOTTY);
    CASE("the key's errors as of encrypt_mprotect");
    REFUSED(strongroom_set_key(fd, 0x7ffffff0), ENOKEY);
    int32_t key = SYS(add("key", CPU_KEY));
    REFUSED(strongroom_set_key(fd, OWN_KEYRING), EINVAL);
    CASE("one key, before there is a size");
    SYS(strongroom_set_key(fd, key));
    REFUSED(strongroom_set_key(fd, key), EBUSY);
    SYS(ftruncate(other, PAGE));
    REFUSED(strongroom_set_key(other, key), EBUSY);
    SYS(ftruncate(fd, 4 * PAGE));
    REFUSED(ftruncate(fd, PAGE), EINVAL);

    REFUSED(ioctl(fd, STRONGROOM_SET_KEY + 1, 1L), ENOTTY);
    CASE("shared mappings only, and none that runs code");
    char copy[16], *area = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    CHECK(area != MAP_FAILED, "mmap: %s", strerror(errno));
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL, "a private mapping");
    CHECK(mmap(NULL, PAGE, RW | PROT_EXEC, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM, "an executable mapping");
    CASE("no reading, no pinning");
    strcpy(area, "a secret");
    REFUSED(read(fd, copy, 1), EINVAL);
    struct iovec local = { copy, 8 }, remote = { area, 8 };
    REFUSED(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), EFAULT); // nor can anything pin it

    CASE("the memory holds the KeyID until the last descriptor and mapping are gone");
    REFUSED(add("next", CPU_KEY), ENOKEY); // the only KeyID is taken
    drop(key);
    CHECK(strcmp(area, "a secret") == 0, "a key that is gone took its memory along");
    REFUSED(add("next", CPU_KEY), ENOKEY); // still held by the memory
    SYS(munmap(area, 4 * PAGE));
    REFUSED(add("next", CPU_KEY), ENOKEY); // by the descriptor
    close(fd);
    int32_t next = -1;
    for (int i = 0; i < 80 && next < 0; i++, sleep_milliseconds(100))
        next = add("next", CPU_KEY);
    CHECK(next > 0, "the KeyID is lost: %s", strerror(errno));
    return finish("errors of memory that owns a key");
}
