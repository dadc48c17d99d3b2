using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>Keys of the kernel's own key service, as this process sees them; keyctl(2).</summary>
internal static class KernelKeys
{
    /// <summary>Describes a key: <c>type;uid;gid;permissions;description</c>.</summary>
    /// <param name="serial">The key.</param>
    /// <param name="text">Receives the text and its NUL.</param>
    /// <returns>The length with the NUL, which may be more than fits; or a negative errno.</returns>
    internal static unsafe int Describe(int serial, Span<byte> text)
    {
        fixed (byte* p = text)
        {
            // SAFETY: the kernel writes at most text.Length bytes to the pinned span.
            nint n = Libc.syscall(Libc.SYS_keyctl, Libc.KEYCTL_DESCRIBE, serial, (nint)p, text.Length, 0, 0);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    /// <summary>Lets a key expire after some time; 0 for never.</summary>
    /// <returns>0 or errno.</returns>
    internal static int SetTimeout(int serial, uint seconds) => Call(Libc.KEYCTL_SET_TIMEOUT, serial, (nint)seconds);

    /// <summary>Destroys a key at once.</summary>
    /// <returns>0 or errno (EACCES: no right to search it).</returns>
    internal static int Invalidate(int serial) => Call(Libc.KEYCTL_INVALIDATE, serial, 0);

    private static int Call(nint operation, int serial, nint argument) =>
        Libc.syscall(Libc.SYS_keyctl, operation, serial, argument, 0, 0, 0) < 0 ? Marshal.GetLastPInvokeError() : 0;
}
