using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>An eventfd(2) by which one thread wakes another out of <see cref="Epoll.Wait"/>.</summary>
internal sealed class EventDescriptor : OwnedDescriptor
{
    /// <summary>Makes one, non-blocking.</summary>
    internal EventDescriptor()
        : base(Create())
    {
    }

    /// <summary>Wakes the waiter.</summary>
    internal unsafe void Signal()
    {
        ulong one = 1;
        _ = Libc.write(this, &one, sizeof(ulong)); // EAGAIN: it is signalled as much as it can be
    }

    /// <summary>Takes the signal back before the waiter looks at what it was woken for.</summary>
    internal unsafe void Reset()
    {
        ulong count;
        _ = Libc.read(this, &count, sizeof(ulong)); // EAGAIN: it was not signalled
    }

    private static int Create()
    {
        nint fd = Libc.syscall(Libc.SYS_eventfd2, 0, Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0, 0, 0, 0);
        return fd >= 0 ? (int)fd : throw new KernelException(Marshal.GetLastPInvokeError(), "eventfd2");
    }
}
