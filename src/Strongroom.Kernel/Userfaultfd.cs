using System;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>What became of an attempt to fill pages.</summary>
internal enum FillOutcome
{
    /// <summary>All pages asked for are mapped and their waiters awake.</summary>
    Filled,

    /// <summary>EEXIST: the page after those counted was there already; nothing was written to it.</summary>
    AlreadyPresent,

    /// <summary>EAGAIN: the layout is changing; queued events must be read before trying again.</summary>
    LayoutChanging,

    /// <summary>ENOENT or EINVAL: the range is no longer mapped, registered, or leaves its VMA.</summary>
    NotRegistered,

    /// <summary>ESRCH: the address space is gone.</summary>
    Gone,

    /// <summary>Any other errno (ENOMEM, EFAULT, EIO): the target cannot be served.</summary>
    Failed,
}

/// <summary>What the kernel says of a range that was registered.</summary>
internal enum RegistrationState
{
    /// <summary>It lies in a single VMA that is registered, and no change of layout is under way.</summary>
    OneVma,

    /// <summary>EAGAIN: the layout is changing, here or elsewhere; queued events must be read before asking again.</summary>
    LayoutChanging,

    /// <summary>ENOENT or ESRCH: there is a hole, a VMA that is not registered, or more than one.</summary>
    NotOneVma,
}

/// <summary>A userfaultfd of some target's address space. userfaultfd(2), ioctl_userfaultfd(2).</summary>
/// <remarks>Thread safety: any thread. None of these calls blocks or allocates unless it throws.</remarks>
internal sealed class Userfaultfd : OwnedDescriptor
{
    /// <summary>The features without which a page could come back wrong.</summary>
    internal const ulong NeededFeatures = Libc.UFFD_FEATURE_EVENT_FORK | Libc.UFFD_FEATURE_EVENT_REMAP
        | Libc.UFFD_FEATURE_EVENT_REMOVE | Libc.UFFD_FEATURE_EVENT_UNMAP | Libc.UFFD_FEATURE_THREAD_ID | Libc.UFFD_FEATURE_MOVE;

    /// <summary>Takes over a descriptor.</summary>
    internal Userfaultfd(int fd)
        : base(fd)
    {
    }

    /// <summary>Makes the handshake; must come first, once. (A descriptor from a fork event has had it.)</summary>
    /// <exception cref="KernelException">EINVAL: a needed feature is missing; EPERM: EVENT_FORK needs CAP_SYS_PTRACE.</exception>
    internal unsafe void Handshake()
    {
        uffdio_api api = new() { api = Libc.UFFD_API, features = NeededFeatures };
        if (Libc.ioctl(this, Libc.UFFDIO_API, &api) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "UFFDIO_API with fork, remap, remove, unmap and move");
        }
    }

    /// <summary>Registers a range for missing-page faults.</summary>
    /// <param name="range">Page-aligned, whole VMAs of private anonymous memory.</param>
    /// <returns>0, or errno: EBUSY (another userfaultfd has it), EINVAL (a VMA of another kind), ENOMEM, ESRCH.</returns>
    internal unsafe int Register(AddressRange range)
    {
        uffdio_register register = new()
        {
            range = new() { start = range.Start.Value, len = range.LengthBytes },
            mode = Libc.UFFDIO_REGISTER_MODE_MISSING,
        };
        return Libc.ioctl(this, Libc.UFFDIO_REGISTER, &register) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Tells whether a range lies in a single VMA that is registered here.</summary>
    /// <remarks>
    /// <see cref="Register"/> skips holes without a word. This asks for something that anonymous memory never allows: the kernel looks for
    /// the VMA first (ENOENT), then for changes of any layout in the address space that are not read yet (EAGAIN), and refuses the rest
    /// after (EINVAL). Source: mm/userfaultfd.c, mfill_atomic.
    /// </remarks>
    internal unsafe RegistrationState StateOf(AddressRange range)
    {
        uffdio_continue argument = new() { range = new() { start = range.Start.Value, len = range.LengthBytes } };
        int errno = Libc.ioctl(this, Libc.UFFDIO_CONTINUE, &argument) == 0 ? 0 : Marshal.GetLastPInvokeError();
        return errno switch
        {
            Libc.EINVAL => RegistrationState.OneVma,
            Libc.EAGAIN => RegistrationState.LayoutChanging,
            _ => RegistrationState.NotOneVma,
        };
    }

    /// <summary>Tells whether a range lies in a single VMA that is registered here, with no layout change under way.</summary>
    internal bool IsOneRegisteredVma(AddressRange range) => StateOf(range) == RegistrationState.OneVma;

    /// <summary>Undoes <see cref="Register"/>. Pages that are missing then read as zero: none may be sealed.</summary>
    internal unsafe int Unregister(AddressRange range)
    {
        uffdio_range argument = new() { start = range.Start.Value, len = range.LengthBytes };
        return Libc.ioctl(this, Libc.UFFDIO_UNREGISTER, &argument) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Fills missing pages with bytes and wakes who waits for them.</summary>
    /// <param name="destination">First page.</param>
    /// <param name="source">Whole pages, in any memory of this process.</param>
    /// <param name="filledPages">How many pages, from the first, were filled; valid for every outcome.</param>
    internal unsafe FillOutcome Copy(PageNumber destination, ReadOnlySpan<byte> source, out int filledPages)
    {
        fixed (byte* p = source)
        {
            // SAFETY: the kernel reads source.Length bytes from the pinned span and writes only to ranges registered here.
            uffdio_copy copy = new() { dst = destination.Address.Value, src = (ulong)p, len = (ulong)source.Length };
            int errno = Libc.ioctl(this, Libc.UFFDIO_COPY, &copy) == 0 ? 0 : Marshal.GetLastPInvokeError();
            filledPages = copy.copy > 0 ? (int)(copy.copy >> PageNumber.Shift) : 0;
            return Outcome(errno, copy.copy);
        }
    }

    /// <summary>Maps the zero page at missing pages and wakes who waits for them.</summary>
    internal unsafe FillOutcome ZeroPages(PageNumber destination, int pageCount, out int filledPages)
    {
        uffdio_zeropage zero = new()
        {
            range = new() { start = destination.Address.Value, len = (ulong)pageCount << PageNumber.Shift },
        };
        int errno = Libc.ioctl(this, Libc.UFFDIO_ZEROPAGE, &zero) == 0 ? 0 : Marshal.GetLastPInvokeError();
        filledPages = zero.zeropage > 0 ? (int)(zero.zeropage >> PageNumber.Shift) : 0;
        return Outcome(errno, zero.zeropage);
    }

    /// <summary>Wakes who waits in a range, so that they look again.</summary>
    internal unsafe void Wake(PageNumber page, int pageCount)
    {
        uffdio_range range = new() { start = page.Address.Value, len = (ulong)pageCount << PageNumber.Shift };
        _ = Libc.ioctl(this, Libc.UFFDIO_WAKE, &range); // ESRCH or EINVAL: nobody is left to wake
    }

    /// <summary>Reads queued faults and events. A fork event brings a new descriptor, which the caller then owns.</summary>
    /// <param name="messages">Room for at least one message.</param>
    /// <returns>How many messages; 0 when none is queued.</returns>
    /// <exception cref="KernelException">EMFILE or ENOMEM for a fork event, EINVAL before the handshake.</exception>
    internal unsafe int ReadMessages(Span<uffd_msg> messages)
    {
        fixed (uffd_msg* p = messages)
        {
            // SAFETY: the kernel writes whole messages into the pinned span, at most its length.
            nint n = Libc.read(this, p, (nuint)messages.Length * (nuint)sizeof(uffd_msg));
            if (n >= 0)
            {
                return (int)n / sizeof(uffd_msg);
            }

            int errno = Marshal.GetLastPInvokeError();
            return errno is Libc.EAGAIN or Libc.EINTR ? 0 : throw new KernelException(errno, "read of a userfaultfd");
        }
    }

    // A call that stops half-way reports what it did with EAGAIN; the next page then tells the real reason.
    private static FillOutcome Outcome(int errno, long done) => errno switch
    {
        0 => FillOutcome.Filled,
        Libc.EEXIST => FillOutcome.AlreadyPresent,
        Libc.EAGAIN => done > 0 ? FillOutcome.Filled : FillOutcome.LayoutChanging,
        Libc.ENOENT or Libc.EINVAL => FillOutcome.NotRegistered,
        Libc.ESRCH => FillOutcome.Gone,
        _ => FillOutcome.Failed,
    };
}
