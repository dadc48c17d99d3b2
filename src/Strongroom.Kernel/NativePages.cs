using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Kernel;

/// <summary>Anonymous memory outside the garbage collector's heap, for what is not secret (ciphertext, messages).</summary>
internal sealed class NativePages : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly int _lengthBytes;

    private NativePages(nint address, int lengthBytes)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        _lengthBytes = lengthBytes;
    }

    /// <summary>Gets the bytes; valid while the caller keeps this object alive and undisposed.</summary>
    internal unsafe Span<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);

            // SAFETY: the mapping has _lengthBytes bytes and lives until ReleaseHandle; only its owner calls Dispose.
            return new Span<byte>((void*)handle, _lengthBytes);
        }
    }

    /// <summary>Maps zeroed memory.</summary>
    /// <param name="lengthBytes">A multiple of 4096.</param>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal static unsafe NativePages Map(int lengthBytes)
    {
        void* address = Libc.mmap(
            null, (nuint)lengthBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        return Libc.IsMapFailed(address)
            ? throw new KernelException(Marshal.GetLastPInvokeError(), $"mmap of {lengthBytes} bytes")
            : new NativePages((nint)address, lengthBytes);
    }

    /// <summary>Has the kernel map a part of the memory now, in one call in place of a page fault for each page. madvise(2), MADV_POPULATE_WRITE.</summary>
    /// <param name="offsetBytes">Where the part begins; page-aligned.</param>
    /// <param name="lengthBytes">How long it is; whole pages, within the memory.</param>
    internal unsafe void Populate(int offsetBytes, int lengthBytes) =>
        _ = Libc.madvise((void*)(handle + offsetBytes), (nuint)lengthBytes, Libc.MADV_POPULATE_WRITE); // failed: the faults come one by one

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle() => Libc.munmap((void*)handle, (nuint)_lengthBytes) == 0;
}
