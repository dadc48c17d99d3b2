namespace Strongroom.Core;

/// <summary>The outcome of a call that a program makes: success, or the error number that it gets.</summary>
/// <remarks>
/// A closed list: only what the key service, the address spaces and their calls can answer. Names and numbers are those
/// of errno(3) on x86-64 and arm64 (include/uapi/asm-generic/errno.h), kept in their C spelling because every source
/// that this project follows, and every program that calls it, knows them by no other name.
/// </remarks>
public enum Errno
{
    /// <summary>The call succeeded.</summary>
    None = 0,

    /// <summary>Operation not permitted.</summary>
    EPERM = 1,

    /// <summary>No such file or directory; for keyrings: the key is not linked there.</summary>
    ENOENT = 2,

    /// <summary>Input/output error; a page could not be brought back.</summary>
    EIO = 5,

    /// <summary>No such device or address.</summary>
    ENXIO = 6,

    /// <summary>Try again; or a limit on locked memory.</summary>
    EAGAIN = 11,

    /// <summary>No memory; for address ranges: part of the range is not mapped, or there would be too many
    /// VMAs.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied.</summary>
    EACCES = 13,

    /// <summary>Bad address.</summary>
    EFAULT = 14,

    /// <summary>In use.</summary>
    EBUSY = 16,

    /// <summary>Already there.</summary>
    EEXIST = 17,

    /// <summary>No such device; for keys: the key type is not registered.</summary>
    ENODEV = 19,

    /// <summary>Not a directory; for keys: not a keyring.</summary>
    ENOTDIR = 20,

    /// <summary>Invalid argument.</summary>
    EINVAL = 22,

    /// <summary>No such system call.</summary>
    ENOSYS = 38,

    /// <summary>The object does not support this operation.</summary>
    EOPNOTSUPP = 95,

    /// <summary>Quota exceeded; in the first version of the key type: every KeyID is taken.</summary>
    EDQUOT = 122,

    /// <summary>No such key; or no KeyID is free, or the slot could not be programmed.</summary>
    ENOKEY = 126,

    /// <summary>The key has expired.</summary>
    EKEYEXPIRED = 127,

    /// <summary>The key has been revoked.</summary>
    EKEYREVOKED = 128,
}
