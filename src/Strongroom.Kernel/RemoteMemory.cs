using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>Bytes of another process; process_vm_readv(2) and process_vm_writev(2).</summary>
/// <remarks>
/// These pin the other process's pages, so they wait when they meet a missing page of a userfaultfd range: the pager must only
/// name pages that it knows to be present. A target can unmap them under it at any time; that shows as a short count.
/// </remarks>
internal static partial class RemoteMemory
{
    /// <summary>Copies from another process.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="address">First byte there.</param>
    /// <param name="destination">Receives the bytes; may lie in secret memory.</param>
    /// <returns>Bytes copied, or a negative errno (ESRCH: gone; EFAULT: not mapped; EPERM).</returns>
    internal static unsafe int Read(int pid, ulong address, Span<byte> destination)
    {
        fixed (byte* p = destination)
        {
            // SAFETY: the local vector describes the pinned span exactly; the remote one is only checked by the kernel.
            iovec local = new() { iov_base = p, iov_len = (nuint)destination.Length };
            iovec remote = new() { iov_base = (void*)address, iov_len = (nuint)destination.Length };
            nint n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    /// <summary>Copies into another process.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="address">First byte there.</param>
    /// <param name="source">The bytes.</param>
    /// <returns>Bytes copied, or a negative errno.</returns>
    internal static unsafe int Write(int pid, ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* p = source)
        {
            // SAFETY: the local vector describes the pinned span exactly; the remote one is only checked by the kernel.
            iovec local = new() { iov_base = p, iov_len = (nuint)source.Length };
            iovec remote = new() { iov_base = (void*)address, iov_len = (nuint)source.Length };
            nint n = process_vm_writev(pid, &local, 1, &remote, 1, 0);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint process_vm_readv(
        int pid, iovec* local, nuint localCount, iovec* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint process_vm_writev(
        int pid, iovec* local, nuint localCount, iovec* remote, nuint remoteCount, nuint flags);
}

/// <summary>sys/uio.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct iovec
{
    internal void* iov_base;
    internal nuint iov_len;
}
