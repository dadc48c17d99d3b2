"""The demonstration of the patch series' documentation, from Python: memory that is stored under a key of its own.

    strongroom run -- python3 examples/encrypt_mprotect.py

Without Strongroom the calls are not there, and the program goes on with plain memory.
"""
import ctypes
import errno
import os

ADD_KEY, KEYCTL, ENCRYPT_MPROTECT = 248, 250, 8434  # include/strongroom.h
PROCESS_KEYRING, KEYCTL_INVALIDATE = -2, 21
PROT_NONE, PROT_READ_WRITE = 0, 3
MAP_PRIVATE_ANONYMOUS = 0x22
SIZE = 4096

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def main():
    # Not accessible before it is encrypted: nothing can come to lie there in clear.
    secret = libc.mmap(None, SIZE, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0)
    key = None
    try:
        payload = b"type=cpu algorithm=aes-xts-128"
        key = call(ADD_KEY, b"mktme", b"example", payload, ctypes.c_size_t(len(payload)), ctypes.c_long(PROCESS_KEYRING))
        call(ENCRYPT_MPROTECT, ctypes.c_void_p(secret), ctypes.c_size_t(SIZE), ctypes.c_ulong(PROT_READ_WRITE), ctypes.c_long(key))
        kind = "encrypted"
    except OSError as error:
        if error.errno not in (errno.ENODEV, errno.ENOSYS, errno.EACCES):
            raise
        print(f"memory encryption is not there ({error.strerror}): plain memory")
        libc.mprotect(secret, SIZE, PROT_READ_WRITE)
        kind = "plain"

    ctypes.memmove(secret, b"the launch code\0", 16)
    print(f"{kind} memory holds: {ctypes.string_at(secret).decode()}")

    libc.munmap(secret, SIZE)
    if key is not None:
        call(KEYCTL, ctypes.c_long(KEYCTL_INVALIDATE), ctypes.c_long(key))


main()
