using System;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Strongroom.Kernel;

namespace Strongroom.Secrets;

/// <summary>Whole pages of secret memory between two guard pages, wiped and unmapped with their owner.</summary>
/// <remarks>
/// <code>
///   handle                 Address                                    Address + LengthBytes
///   | guard, PROT_NONE     | secret pages, read and write             | guard, PROT_NONE     |
/// </code>
/// The handle is the start of the whole reservation, so that one munmap(2) gives everything back.
/// </remarks>
internal sealed class SecretRegion : SafeHandleMinusOneIsInvalid
{
    private bool _mapped; // true once pages that can be written lie in the reservation; set before the region is shared

    private SecretRegion(nint reservation, nuint lengthBytes)
        : base(ownsHandle: true)
    {
        SetHandle(reservation);
        LengthBytes = lengthBytes;
    }

    /// <summary>Gets the address of the first secret byte; page-aligned.</summary>
    internal nint Address => handle + Environment.SystemPageSize;

    /// <summary>Gets the number of secret bytes: whole pages.</summary>
    internal nuint LengthBytes { get; }

    /// <summary>Gets the protection that the kernel granted.</summary>
    internal SecretProtection Protection { get; private set; }

    /// <summary>Maps a region, zero-filled.</summary>
    /// <param name="lengthBytes">At least 1; rounded up to whole pages.</param>
    /// <param name="strongest">The strongest protection to ask for; tests ask for the weaker one.</param>
    /// <exception cref="KernelException">
    /// The kernel refused even locked memory: ENOMEM, EPERM or EAGAIN (RLIMIT_MEMLOCK is used up), or ENOMEM (address
    /// space).
    /// </exception>
    internal static SecretRegion Map(nuint lengthBytes, SecretProtection strongest = SecretProtection.MemfdSecret)
    {
        nuint page = (nuint)Environment.SystemPageSize;
        nuint rounded = (lengthBytes + page - 1) / page * page;
        SecretRegion region = Reserve(rounded);
        try
        {
            if (strongest == SecretProtection.MemfdSecret && region.TryMapSecret())
            {
                region.Protection = SecretProtection.MemfdSecret;
            }
            else
            {
                region.MapLocked();
                region.Protection = SecretProtection.LockedMemory;
            }

            region.Advise(Libc.MADV_DONTFORK, "MADV_DONTFORK");
            return region;
        }
        catch
        {
            region.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle()
    {
        // SAFETY: handle and LengthBytes are those of the reservation, and only pages that were mapped writable are
        // wiped.
        if (_mapped)
        {
            CryptographicOperations.ZeroMemory(new Span<byte>((void*)Address, checked((int)LengthBytes)));
        }

        return Libc.munmap((void*)handle, LengthBytes + (2 * (nuint)Environment.SystemPageSize)) == 0;
    }

    private static unsafe SecretRegion Reserve(nuint lengthBytes)
    {
        nuint total = lengthBytes + (2 * (nuint)Environment.SystemPageSize);

        // SAFETY: the kernel chooses the place; nothing is mapped over.
        const int Flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_NORESERVE;
        void* start = Libc.mmap(null, total, Libc.PROT_NONE, Flags, -1, 0);
        return !Libc.IsMapFailed(start)
            ? new SecretRegion((nint)start, lengthBytes)
            : throw new KernelException(
                Marshal.GetLastPInvokeError(), $"mmap of {total} bytes of address space for secret memory");
    }

    private bool TryMapSecret()
    {
        nint fd = Libc.memfd_secret(Libc.SYS_memfd_secret, Libc.MEMFD_SECRET_CLOEXEC);
        if (fd < 0)
        {
            return false;
        }

        // The mapping keeps the file; the descriptor goes, so that nobody can take it over with pidfd_getfd(2).
        using SafeFileHandle file = new(fd, ownsHandle: true);
        return Libc.ftruncate(file, (long)LengthBytes) == 0 && TryMapOver(Libc.MAP_SHARED, (int)fd, out _);
    }

    private void MapLocked()
    {
        if (!TryMapOver(Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, out int errno))
        {
            throw new KernelException(errno, $"mmap of {LengthBytes} bytes of locked memory");
        }

        unsafe
        {
            // SAFETY: exactly the pages that were mapped above.
            if (Libc.mlock((void*)Address, LengthBytes) != 0)
            {
                throw new KernelException(
                    Marshal.GetLastPInvokeError(),
                    $"mlock of {LengthBytes} bytes for secret memory (raise RLIMIT_MEMLOCK or grant CAP_IPC_LOCK)");
            }
        }

        Advise(Libc.MADV_DONTDUMP, "MADV_DONTDUMP");
    }

    private unsafe bool TryMapOver(int flags, int fd, out int errno)
    {
        // SAFETY: MAP_FIXED replaces only pages of this region's own reservation.
        const int ReadWrite = Libc.PROT_READ | Libc.PROT_WRITE;
        void* at = Libc.mmap((void*)Address, LengthBytes, ReadWrite, flags | Libc.MAP_FIXED, fd, 0);
        errno = Libc.IsMapFailed(at) ? Marshal.GetLastPInvokeError() : 0;
        _mapped |= errno == 0;
        return errno == 0;
    }

    private unsafe void Advise(int advice, string name)
    {
        // SAFETY: advice about this region's own pages; none of the values used discards data in this process.
        if (Libc.madvise((void*)Address, LengthBytes, advice) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), $"madvise({name}) on secret memory");
        }
    }
}
