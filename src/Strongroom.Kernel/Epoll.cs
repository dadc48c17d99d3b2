using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>An epoll instance; epoll(7). Level-triggered, input only.</summary>
internal sealed partial class Epoll : OwnedDescriptor
{
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const uint EPOLLIN = 1;

    /// <summary>Makes an instance.</summary>
    internal Epoll()
        : base(Create())
    {
    }

    /// <summary>Watches a descriptor until it is removed or closed.</summary>
    /// <param name="descriptor">What to watch.</param>
    /// <param name="token">What <see cref="Wait"/> gives back for it.</param>
    internal unsafe void Add(OwnedDescriptor descriptor, ulong token)
    {
        epoll_event watched = new() { events = EPOLLIN, data = token };
        if (epoll_ctl(this, EPOLL_CTL_ADD, descriptor.Number, &watched) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "epoll_ctl ADD");
        }
    }

    /// <summary>Stops watching. Needed even before a close, because an agent holds a duplicate of the same file.</summary>
    internal unsafe void Remove(OwnedDescriptor descriptor)
    {
        epoll_event ignored = default;
        _ = epoll_ctl(this, EPOLL_CTL_DEL, descriptor.Number, &ignored); // ENOENT: it was not watched
    }

    /// <summary>Waits for input.</summary>
    /// <param name="ready">Receives what is ready.</param>
    /// <param name="timeoutMilliseconds">0: do not wait; -1: for ever.</param>
    /// <returns>How many are ready; 0 also when a signal came.</returns>
    internal unsafe int Wait(Span<epoll_event> ready, int timeoutMilliseconds)
    {
        fixed (epoll_event* p = ready)
        {
            // SAFETY: the kernel writes at most ready.Length events to the pinned span.
            int n = epoll_wait(this, p, ready.Length, timeoutMilliseconds);
            if (n >= 0)
            {
                return n;
            }

            int errno = Marshal.GetLastPInvokeError();
            return errno == Libc.EINTR ? 0 : throw new KernelException(errno, "epoll_wait");
        }
    }

    private static int Create()
    {
        int fd = epoll_create1(Libc.O_CLOEXEC);
        return fd >= 0 ? fd : throw new KernelException(Marshal.GetLastPInvokeError(), "epoll_create1");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int epoll_ctl(SafeHandle epoll, int operation, int fd, epoll_event* watched);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int epoll_wait(SafeHandle epoll, epoll_event* ready, int count, int timeout);
}

/// <summary>sys/epoll.h; packed on x86-64, 12 bytes.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct epoll_event
{
    internal uint events;
    internal ulong data;
}
