using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Kernel;

/// <summary>A file descriptor that is closed with its owner. The base of every descriptor type here.</summary>
internal class OwnedDescriptor : SafeHandleMinusOneIsInvalid
{
    /// <summary>Takes over a descriptor.</summary>
    /// <param name="fd">An open descriptor that nobody else closes.</param>
    internal OwnedDescriptor(int fd)
        : base(ownsHandle: true)
    {
        SetHandle(fd);
    }

    /// <summary>Gets the number, for use as data (epoll, SCM_RIGHTS) while the caller keeps this object alive.</summary>
    internal int Number => (int)handle;

    /// <summary>Opens a file, close-on-exec.</summary>
    /// <param name="path">ASCII path.</param>
    /// <param name="flags">open(2) flags without O_CLOEXEC.</param>
    /// <param name="errno">0, or why the kernel refused.</param>
    /// <returns>The descriptor, or null.</returns>
    internal static OwnedDescriptor? TryOpen(string path, int flags, out int errno)
    {
        int fd = OpenNumber(path, flags, out errno);
        return fd < 0 ? null : new OwnedDescriptor(fd);
    }

    /// <summary>Reads from an offset.</summary>
    /// <returns>Bytes read; 0 at the end; negative errno on failure.</returns>
    internal unsafe int ReadAt(Span<byte> buffer, long offset)
    {
        fixed (byte* p = buffer)
        {
            // SAFETY: the kernel writes at most buffer.Length bytes to the pinned buffer.
            nint n = Libc.pread(this, p, (nuint)buffer.Length, offset);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    /// <summary>Writes at an offset.</summary>
    /// <returns>Bytes written; negative errno on failure.</returns>
    internal unsafe int WriteAt(ReadOnlySpan<byte> source, long offset)
    {
        fixed (byte* p = source)
        {
            // SAFETY: the kernel reads source.Length bytes from the pinned span.
            nint n = Libc.pwrite(this, p, (nuint)source.Length, offset);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    /// <summary>Opens a file, close-on-exec, for a derived type to own.</summary>
    /// <param name="path">ASCII path.</param>
    /// <param name="flags">open(2) flags without O_CLOEXEC.</param>
    /// <param name="errno">0, or why the kernel refused.</param>
    /// <returns>The descriptor's number, or -1.</returns>
    protected static unsafe int OpenNumber(string path, int flags, out int errno)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(path + "\0");
        fixed (byte* p = bytes)
        {
            // SAFETY: `p` is a NUL-terminated string, pinned for the call.
            int fd = Libc.open(p, flags | Libc.O_CLOEXEC, 0);
            errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
            return fd;
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
