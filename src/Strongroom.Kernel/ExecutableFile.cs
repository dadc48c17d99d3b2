using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>Whether execve(2) could start a file, told without starting it.</summary>
/// <remarks>Paths are bytes: a Linux file name need not be text in any encoding.</remarks>
internal static partial class ExecutableFile
{
    private const int AT_FDCWD = -100;
    private const int AT_EACCESS = 0x200;
    private const int X_OK = 1;
    private const int O_DIRECTORY = 0x10000;
    private const int O_PATH = 0x200000;
    private const int ENOTDIR = 20;

    /// <summary>Checks a path as the effective user.</summary>
    /// <param name="path">The path without a terminating NUL.</param>
    /// <returns>0 when it may be executed; ENOENT or ENOTDIR: there is no such file; EACCES: not executable, or a directory.</returns>
    internal static unsafe int Check(ReadOnlySpan<byte> path)
    {
        byte[] terminated = new byte[path.Length + 1];
        path.CopyTo(terminated);
        fixed (byte* p = terminated)
        {
            // SAFETY: `p` is NUL-terminated and pinned for both calls.
            if (faccessat(AT_FDCWD, p, X_OK, AT_EACCESS) != 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                return errno == ENOTDIR ? Libc.ENOENT : errno;
            }

            // A directory passes X_OK, where it means the right to search; execve refuses it with EACCES.
            int fd = Libc.open(p, O_PATH | O_DIRECTORY | Libc.O_CLOEXEC, 0);
            if (fd < 0)
            {
                return 0;
            }

            _ = Libc.close(fd); // an O_PATH descriptor has nothing to lose
            return Libc.EACCES;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int faccessat(int directory, byte* path, int mode, int flags);
}
