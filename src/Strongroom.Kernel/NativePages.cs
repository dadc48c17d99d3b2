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

    /// <summary>Gets the address, for an owner that keeps it no longer than this object lives undisposed.</summary>
    internal nint Address => handle;

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

    /// <summary>Maps zeroed memory at an address that is a multiple of its length.</summary>
    /// <param name="lengthBytes">A power of two from 4096 to 2^29.</param>
    /// <exception cref="KernelException">ENOMEM.</exception>
    /// <remarks>Since Linux 6.7 (thp_get_unmapped_area, mm/huge_memory.c) the kernel places 2 MiB so by itself, each block beside the one before, so
    /// that many of them are one VMA.</remarks>
    internal static NativePages MapAligned(int lengthBytes)
    {
        NativePages pages = Map(lengthBytes);
        if (pages.handle % lengthBytes == 0)
        {
            return pages;
        }

        pages.Dispose();
        return CutAligned(lengthBytes);
    }

    /// <summary>Advises the kernel about all of the memory; madvise(2). What it does not know it ignores.</summary>
    internal unsafe void Advise(int advice) => _ = Libc.madvise((void*)handle, (nuint)_lengthBytes, advice);

    /// <summary>Has the kernel map a part of the memory now, in one call in place of a page fault for each page. madvise(2), MADV_POPULATE_WRITE.</summary>
    /// <param name="offsetBytes">Where the part begins; page-aligned.</param>
    /// <param name="lengthBytes">How long it is; whole pages, within the memory.</param>
    internal unsafe void Populate(int offsetBytes, int lengthBytes) =>
        _ = Libc.madvise((void*)(handle + offsetBytes), (nuint)lengthBytes, Libc.MADV_POPULATE_WRITE); // failed: the faults come one by one

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle() => Libc.munmap((void*)handle, (nuint)_lengthBytes) == 0;

    private static unsafe NativePages CutAligned(int lengthBytes)
    {
        using NativePages twice = Map(2 * lengthBytes);
        nint first = twice.handle;
        nint aligned = (first + lengthBytes - 1) & -lengthBytes;

        // SAFETY: both parts are whole pages of a mapping that was just made and that nobody else knows of. (It fails with ENOMEM where the
        // process has too many mappings; what is left over is address space, never touched.)
        _ = aligned == first ? 0 : Libc.munmap((void*)first, (nuint)(aligned - first));
        _ = Libc.munmap((void*)(aligned + lengthBytes), (nuint)(first + lengthBytes - aligned));
        twice.SetHandleAsInvalid();
        return new NativePages(aligned, lengthBytes);
    }
}
