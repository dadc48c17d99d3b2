using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Kernel;

/// <summary>The descriptors 0 to 2, which this process shares with the program that it runs.</summary>
/// <remarks>
/// Not through System.Console: its first use on a terminal installs signal handlers and later restores terminal settings
/// behind the back of the program. Not through FileStream: it keeps an offset of its own and would write over the program's
/// output in a file.
/// </remarks>
internal static partial class StandardStream
{
    /// <summary>Standard input.</summary>
    internal const int Input = 0;

    /// <summary>Standard output.</summary>
    internal const int Output = 1;

    /// <summary>Standard error.</summary>
    internal const int Error = 2;

    /// <summary>Writes bytes to standard error; isolated from other writers if they are few and go to a pipe or a terminal.</summary>
    /// <returns>0, or errno: EBADF (closed), EPIPE, EIO, ENOSPC. What was not written is lost: there is nobody to tell.</returns>
    internal static unsafe int WriteError(ReadOnlySpan<byte> bytes)
    {
        using SafeFileHandle handle = new(Error, ownsHandle: false);
        fixed (byte* start = bytes)
        {
            int done = 0;
            while (done < bytes.Length)
            {
                // SAFETY: `start` is pinned and holds bytes.Length bytes, of which `done` are behind.
                nint n = Libc.write(handle, start + done, (nuint)(bytes.Length - done));
                int errno = n < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (errno != 0 && errno != Libc.EINTR)
                {
                    return errno;
                }

                done += (int)Math.Max(n, 0);
            }

            return 0;
        }
    }

    /// <summary>Tells whether a standard stream is a terminal; isatty(3).</summary>
    internal static bool IsTerminal(int stream) => isatty(stream) == 1;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int isatty(int fd);
}
