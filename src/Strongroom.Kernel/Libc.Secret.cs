using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>Bindings for secret memory and randomness: memfd_secret(2), getrandom(2), ftruncate(2).</content>
internal static partial class Libc
{
    /// <summary>The close-on-exec flag that memfd_secret(2) takes: O_CLOEXEC.</summary>
    internal const uint MEMFD_SECRET_CLOEXEC = 0x80000;

    /// <summary>
    /// Makes a file whose pages only its mappers can read; memfd_secret(2). The C library has no wrapper.
    /// </summary>
    /// <param name="number">Always <see cref="SYS_memfd_secret"/>.</param>
    /// <param name="flags">0 or <see cref="MEMFD_SECRET_CLOEXEC"/>.</param>
    /// <returns>
    /// A descriptor, or -1: ENOSYS (old kernel, or secretmem disabled at boot), EINVAL, EMFILE, ENFILE, ENOMEM, EPERM
    /// (seccomp).
    /// </returns>
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint memfd_secret(nint number, nuint flags);

    /// <summary>Fills memory from the kernel's generator; getrandom(2).</summary>
    /// <returns>Bytes written, fewer than asked only for requests over 256 bytes; -1 with EINTR or ENOSYS.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial nint getrandom(void* buffer, nuint length, uint flags);

    /// <summary>Sets a file's length; ftruncate(2).</summary>
    /// <returns>0, or -1: EINVAL (a secret file's length can be set only once), EFBIG.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(SafeHandle fd, long length);
}
