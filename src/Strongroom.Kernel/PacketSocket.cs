using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>The pager's end of a SOCK_SEQPACKET pair; unix(7). One send is one message, whole or not at all.</summary>
internal sealed partial class PacketSocket : OwnedDescriptor
{
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;
    private const int SO_RCVTIMEO = 20;

    private bool _isTimeoutSet;

    /// <summary>Takes over a descriptor.</summary>
    internal PacketSocket(int fd)
        : base(fd)
    {
    }

    /// <summary>Sends one message, with a descriptor if <paramref name="passed"/> is given; never waits.</summary>
    /// <returns>0 or errno (EPIPE: the other end is gone; EAGAIN: its queue is full).</returns>
    internal unsafe int Send(ReadOnlySpan<byte> message, OwnedDescriptor? passed = null)
    {
        // A control message: a 16-byte cmsghdr, then the descriptor, padded to 8; unix(7), cmsg(3).
        ulong* control = stackalloc ulong[3];
        control[0] = 20;
        control[1] = SOL_SOCKET | ((ulong)SCM_RIGHTS << 32);
        control[2] = passed is null ? 0 : (uint)passed.Number;
        fixed (byte* p = message)
        {
            // SAFETY: every pointer in the header is to memory that outlives the call, with its true length.
            iovec part = new() { iov_base = p, iov_len = (nuint)message.Length };
            msghdr header = new() { msg_iov = &part, msg_iovlen = 1 };
            if (passed is not null)
            {
                header.msg_control = control;
                header.msg_controllen = 24;
            }

            nint n = sendmsg(this, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
            GC.KeepAlive(passed);
            return n >= 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Receives one message.</summary>
    /// <param name="buffer">Receives it.</param>
    /// <param name="patience">How long to wait; the same at every call, because it is set on the socket once.</param>
    /// <returns>Its length in bytes; 0 when the other end is gone; -EAGAIN when none came in time.</returns>
    internal unsafe int ReceiveWithin(Span<byte> buffer, TimeSpan patience)
    {
        if (!_isTimeoutSet)
        {
            long* time = stackalloc long[2] { (long)patience.TotalSeconds, 0 };
            _isTimeoutSet = setsockopt(this, SOL_SOCKET, SO_RCVTIMEO, time, 16) == 0;
        }

        while (true)
        {
            fixed (byte* p = buffer)
            {
                // SAFETY: the kernel writes at most buffer.Length bytes to the pinned span.
                nint n = recv(this, p, (nuint)buffer.Length, 0);
                int errno = n < 0 ? Marshal.GetLastPInvokeError() : 0;
                if (errno != Libc.EINTR)
                {
                    return n >= 0 ? (int)n : -errno;
                }
            }
        }
    }

    /// <summary>Receives one message; never waits.</summary>
    /// <returns>Its length in bytes; 0 when the other end is gone; -EAGAIN when none waits.</returns>
    internal unsafe int Receive(Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            // SAFETY: the kernel writes at most buffer.Length bytes to the pinned span.
            nint n = recv(this, p, (nuint)buffer.Length, MSG_DONTWAIT);
            return n >= 0 ? (int)n : -Marshal.GetLastPInvokeError();
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint sendmsg(SafeHandle socket, msghdr* header, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int setsockopt(SafeHandle socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint recv(SafeHandle socket, void* buffer, nuint length, int flags);
}

/// <summary>sys/socket.h; 56 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct msghdr
{
    internal void* msg_name;
    internal uint msg_namelen;
    internal iovec* msg_iov;
    internal nuint msg_iovlen;
    internal void* msg_control;
    internal nuint msg_controllen;
    internal int msg_flags;
}
