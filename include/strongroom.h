// The system calls that programs find under `strongroom run`, as the patch series of 2018 to 2020 proposed them.
//
// None of them is in any kernel, so they have numbers far outside its table: without Strongroom they end with ENOSYS, and a program
// can go on without. `strongroom run --syscall encrypt_mprotect=434` answers at another number instead, for programs that were built
// with the series' own (335, 428 or 434). Keys are made with add_key("mktme", ...); see docs/conformance.md. MIT licence.
#ifndef STRONGROOM_H
#define STRONGROOM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_encrypt_mprotect
#define __NR_encrypt_mprotect 8434
#endif
#ifndef __NR_secretmemfd
#define __NR_secretmemfd 8435
#endif
#ifndef __NR_sys_encrypt
#define __NR_sys_encrypt 8436
#endif
#ifndef __NR_strongroom_open
#define __NR_strongroom_open 8437
#endif

// Beside PROT_READ and its like: the contents stay when the key changes. Beyond the series, where they are lost.
#define STRONGROOM_PROT_KEEP 0x40000000

// ioctl of a descriptor of strongroom_open, with the serial of a key. EBUSY: it has a key, or a size.
#define STRONGROOM_SET_KEY _IO(0xb5, 0x4b)

#define SECRETMEM_EXCLUSIVE 0x1 // the pages leave the kernel's direct map
#define SECRETMEM_UNCACHED 0x2  // EOPNOTSUPP: cannot be had from user space

#ifdef __cplusplus
extern "C" {
#endif

// mprotect, and the memory is stored under the key `serial` from now on. Its contents are lost unless nothing changes.
static inline int encrypt_mprotect(void *start, size_t length, int protection, int32_t serial)
{
    return (int)syscall(__NR_encrypt_mprotect, start, length, (unsigned long)(unsigned)protection, (long)serial);
}

// The key alone; the protection stays. To be followed by plain mprotect.
static inline int sys_encrypt(int32_t serial, void *start, size_t length)
{
    return (int)syscall(__NR_sys_encrypt, (long)serial, start, length);
}

// A descriptor of secret memory: ftruncate it once, then mmap it MAP_SHARED.
static inline int secretmemfd(unsigned long flags)
{
    return (int)syscall(__NR_secretmemfd, flags);
}

// A descriptor of memory that can own a key: set the key, ftruncate it once, then mmap it MAP_SHARED, here and in other processes of the
// run that the descriptor is passed to. Nobody can read or pin its pages but who maps them, and what nobody uses is ciphertext under the
// key. The key may be discarded: the memory holds it until the last descriptor and mapping are gone. Flags: 0 or O_CLOEXEC.
static inline int strongroom_open(unsigned long flags)
{
    return (int)syscall(__NR_strongroom_open, flags);
}

static inline int strongroom_set_key(int fd, int32_t serial)
{
    return ioctl(fd, STRONGROOM_SET_KEY, (long)serial);
}

// add_key(2) for such a key, for programs without libkeyutils. `keyring` is a serial, or -3 for the session's.
static inline int32_t strongroom_add_key(const char *description, const char *payload, int32_t keyring)
{
    size_t length = 0;
    while (payload[length])
        length++;
    return (int32_t)syscall(__NR_add_key, "mktme", description, payload, length, (long)keyring);
}

#ifdef __cplusplus
}
#endif
#endif
