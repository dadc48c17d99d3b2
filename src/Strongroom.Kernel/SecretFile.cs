using System;
using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>A file of memfd_secret(2) that programs map and of which the pager keeps a descriptor and, once its size is set, a mapping.</summary>
/// <remarks>Its pages are off the kernel's direct map for whoever maps them, and no call pins them. Thread safety: none but <see cref="Identity"/>.</remarks>
internal sealed class SecretFile : OwnedDescriptor
{
    private nint _address;
    private long _mappedBytes;
    private byte[] _resident = [];

    private SecretFile(int fd)
        : base(fd)
    {
    }

    /// <summary>Gets what names the file in /proc/PID/maps.</summary>
    internal VmaFile Identity { get; private set; }

    /// <summary>Gets the number of pages mapped here.</summary>
    internal int PageCount => (int)(_mappedBytes >> PageNumber.Shift);

    /// <summary>Makes a file, empty, close-on-exec.</summary>
    /// <param name="errno">0, or why the kernel refused; memfd_secret(2).</param>
    internal static SecretFile? TryMake(out int errno)
    {
        nint fd = Libc.memfd_secret(Libc.SYS_memfd_secret, Libc.MEMFD_SECRET_CLOEXEC);
        errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (fd < 0)
        {
            return null;
        }

        SecretFile file = new((int)fd);
        _ = TryIdentify(file.Path, out VmaFile identity, out _); // of a descriptor of our own: it cannot fail
        file.Identity = identity;
        return file;
    }

    /// <summary>Tells which file a path leads to, as /proc/PID/maps would name it; statx(2).</summary>
    /// <param name="path">ASCII; a link of /proc/PID/fd is followed.</param>
    /// <param name="file">The file.</param>
    /// <param name="sizeBytes">Its size.</param>
    /// <returns>False when there is nothing.</returns>
    internal static unsafe bool TryIdentify(string path, out VmaFile file, out long sizeBytes)
    {
        byte[] bytes = System.Text.Encoding.ASCII.GetBytes(path + "\0");
        statx found = default;
        fixed (byte* p = bytes)
        {
            // SAFETY: `p` is a NUL-terminated string pinned for the call, and the structure has the size that the kernel writes.
            nint result = Libc.syscall(
                Libc.SYS_statx, Libc.AT_FDCWD, (nint)p, 0, (nint)(Libc.STATX_INO | Libc.STATX_SIZE), (nint)(&found), 0);
            file = new(found.stx_dev_major, found.stx_dev_minor, found.stx_ino);
            sizeBytes = (long)found.stx_size;
            return result == 0;
        }
    }

    /// <summary>Gets the size in bytes; 0 until a program has set it.</summary>
    internal long SizeBytes() => TryIdentify(Path, out _, out long size) ? size : 0;

    /// <summary>Maps the whole file here, once its size is set. It never changes afterwards.</summary>
    /// <returns>False: it has no size yet, is larger than 2^31 - 1 pages, or may not be mapped (RLIMIT_MEMLOCK).</returns>
    internal unsafe bool TryMap()
    {
        if (_mappedBytes == 0 && SizeBytes() is > 0 and < (long)int.MaxValue << PageNumber.Shift and var size)
        {
            long rounded = (size + PageNumber.SizeBytes - 1) & -PageNumber.SizeBytes;
            void* address = Libc.mmap(
                null, (nuint)rounded, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, Number, 0);
            if (!Libc.IsMapFailed(address))
            {
                _address = (nint)address;
                _mappedBytes = rounded;
                _resident = new byte[PageCount];
            }
        }

        return _mappedBytes != 0;
    }

    /// <summary>Looks which pages were ever touched; mincore(2).</summary>
    /// <returns>False when the kernel does not say.</returns>
    internal unsafe bool TryLook()
    {
        fixed (byte* p = _resident)
        {
            // SAFETY: the range is this object's mapping, and the array holds a byte for each page of it.
            return Libc.syscall(Libc.SYS_mincore, _address, (nint)_mappedBytes, (nint)p, 0, 0, 0) == 0;
        }
    }

    /// <summary>Tells whether a page was there at the last look. One that was not reads as zeros, and reading it would make it.</summary>
    internal bool IsThere(int page) => (_resident[page] & 1) != 0;

    /// <summary>Gets a page; valid until this is disposed.</summary>
    internal unsafe Span<byte> Page(int page)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)PageCount);

        // SAFETY: the page lies in the mapping, which lives until ReleaseHandle and cannot shrink: a secret file is sized once.
        return new Span<byte>((void*)(_address + ((nint)page << PageNumber.Shift)), PageNumber.SizeBytes);
    }

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle()
    {
        bool isUnmapped = _mappedBytes == 0 || Libc.munmap((void*)_address, (nuint)_mappedBytes) == 0;
        return base.ReleaseHandle() && isUnmapped;
    }

    private string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{Number}");
}
