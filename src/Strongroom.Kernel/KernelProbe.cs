using System;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>Tries each thing that the kernel must grant, instead of guessing from versions.</summary>
/// <remarks>
/// Containers, security modules and distributions take features away from kernels that have them, so only trying tells. Each
/// method leaves nothing behind and returns 0 or the errno of the refusal. Thread safety: any thread.
/// </remarks>
internal static class KernelProbe
{
    private const int SecretBytes = PageNumber.SizeBytes;

    /// <summary>Makes memory with code in it executable.</summary>
    /// <returns>0, or errno: EACCES or EPERM (a security policy refuses it), ENOMEM.</returns>
    internal static int LoadCode()
    {
        const byte Return = 0xc3;
        try
        {
            MachineCode.Load([Return]).Dispose();
            return 0;
        }
        catch (KernelException e)
        {
            return e.Errno;
        }
    }

    /// <summary>Makes a userfaultfd that also serves faults of system calls; userfaultfd(2).</summary>
    internal static int FullUserfaultfd()
    {
        using Userfaultfd? uffd = OpenUserfaultfd(out int errno);
        return errno;
    }

    /// <summary>Asks for the features that the pager needs.</summary>
    /// <param name="missing">The needed features that this kernel does not know.</param>
    /// <returns>0 or errno: EINVAL: some are missing; EPERM: fork events need CAP_SYS_PTRACE.</returns>
    internal static unsafe int UserfaultfdFeatures(out ulong missing)
    {
        missing = 0;
        using Userfaultfd? asked = OpenUserfaultfd(out int errno);
        if (asked is null)
        {
            return errno;
        }

        // A handshake without features tells which there are; it can be made once for each descriptor.
        uffdio_api api = new() { api = Libc.UFFD_API };
        if (Libc.ioctl(asked, Libc.UFFDIO_API, &api) != 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        missing = Userfaultfd.NeededFeatures & ~api.features;
        if (missing != 0)
        {
            return Libc.EINVAL;
        }

        using Userfaultfd? used = OpenUserfaultfd(out errno);
        return used is null ? errno : TryHandshake(used);
    }

    /// <summary>Moves a page between two places of this process; UFFDIO_MOVE.</summary>
    internal static unsafe int Move()
    {
        using Userfaultfd? uffd = OpenUserfaultfd(out int errno);
        if (uffd is null || (errno = TryHandshake(uffd)) != 0)
        {
            return errno;
        }

        using NativeBuffer source = new(PageNumber.SizeBytes);
        using NativeBuffer destination = new(PageNumber.SizeBytes);
        source.Bytes.Fill(0x5a);

        // SAFETY: advice about pages of these buffers only. The destination must be missing, which a fresh mapping is.
        _ = Libc.madvise((void*)source.Range.Start.Value, PageNumber.SizeBytes, Libc.MADV_NOHUGEPAGE);
        errno = uffd.Register(destination.Range);
        if (errno != 0)
        {
            return errno;
        }

        uffdio_move move = new()
        {
            dst = destination.Range.Start.Value,
            src = source.Range.Start.Value,
            len = PageNumber.SizeBytes,
        };

        // SAFETY: both ranges are whole pages of the buffers above, which outlive the call.
        errno = Libc.ioctl(uffd, Libc.UFFDIO_MOVE, &move) == 0 ? 0 : Marshal.GetLastPInvokeError();

        // Unregistered before it is read, so that a page that did not arrive reads as zero instead of waiting for ever.
        _ = uffd.Unregister(destination.Range);
        return errno != 0 ? errno : destination.Bytes[0] == 0x5a ? 0 : Libc.EIO;
    }

    /// <summary>Scans this process's own page map; PAGEMAP_SCAN.</summary>
    internal static int ScanPagemap()
    {
        using NativeBuffer page = new(1);
        page.Bytes[0] = 1;
        using PagemapScan? scan = PagemapScan.TryOpen(Environment.ProcessId);
        if (scan is null)
        {
            return Libc.ENOENT;
        }

        Span<PageRun> runs = stackalloc PageRun[1];
        PageFilter filter = new(PageCategories.Present, default, default, default);
        int n = scan.Find(page.Range, filter, runs, out _);
        return n == 1 ? 0 : n < 0 ? -n : Libc.EIO;
    }

    /// <summary>Maps a page of secret memory and writes to it; memfd_secret(2).</summary>
    internal static unsafe int SecretMemory()
    {
        nint fd = Libc.memfd_secret(Libc.SYS_memfd_secret, Libc.MEMFD_SECRET_CLOEXEC);
        if (fd < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        using OwnedDescriptor file = new((int)fd);
        if (Libc.ftruncate(file, SecretBytes) != 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        void* memory = Libc.mmap(null, SecretBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, (int)fd, 0);
        if (Libc.IsMapFailed(memory))
        {
            return Marshal.GetLastPInvokeError();
        }

        // SAFETY: one page was mapped for reading and writing just above.
        *(byte*)memory = 1;
        _ = Libc.munmap(memory, SecretBytes);
        return 0;
    }

    /// <summary>Closes a range of descriptors; close_range(2). The range is empty, so nothing is closed.</summary>
    internal static int CloseRange() =>
        Libc.syscall(Libc.SYS_close_range, int.MaxValue, int.MaxValue, 0, 0, 0, 0) == 0 ? 0 : Marshal.GetLastPInvokeError();

    private static Userfaultfd? OpenUserfaultfd(out int errno)
    {
        nint fd = Libc.syscall(Libc.SYS_userfaultfd, Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0, 0, 0, 0, 0);
        errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        return fd < 0 ? null : new Userfaultfd((int)fd);
    }

    private static int TryHandshake(Userfaultfd uffd)
    {
        try
        {
            uffd.Handshake();
            return 0;
        }
        catch (KernelException e)
        {
            return e.Errno;
        }
    }
}
