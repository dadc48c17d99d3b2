using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Strongroom.Kernel;

/// <summary>A local socket by which a running pager can be asked questions; unix(7), abstract name, SOCK_SEQPACKET.</summary>
/// <remarks>Abstract names have no permissions, so the listener looks at who is at the other end. Thread safety: one thread each.</remarks>
internal sealed partial class ControlSocket : OwnedDescriptor
{
    private const int AF_UNIX = 1;
    private const int SOCK_SEQPACKET = 5;
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int PatienceSeconds = 5;

    private ControlSocket(int fd)
        : base(fd)
    {
    }

    /// <summary>Listens under a name.</summary>
    /// <returns>The socket, or null: the name is taken, or sockets are refused here.</returns>
    internal static ControlSocket? TryListen(string name) =>
        TryOpen(name, isListener: true);

    /// <summary>Connects to a name.</summary>
    /// <returns>The socket, or null: nobody listens, or this user may not.</returns>
    internal static ControlSocket? TryConnect(string name) => TryOpen(name, isListener: false);

    /// <summary>Accepts a connection of this user or of root.</summary>
    /// <returns>The connection, or null.</returns>
    internal unsafe ControlSocket? TryAccept()
    {
        int fd = accept4(this, null, null, Libc.O_CLOEXEC);
        if (fd < 0)
        {
            return null;
        }

        ControlSocket connection = new(fd);
        int* credentials = stackalloc int[3]; // struct ucred: pid, uid, gid
        uint length = 12;

        // SAFETY: the kernel writes at most `length` bytes.
        bool isTrusted = getsockopt(connection, SOL_SOCKET, SO_PEERCRED, credentials, &length) == 0
            && (credentials[1] == 0 || credentials[1] == geteuid());
        if (isTrusted)
        {
            connection.LimitPatience();
            return connection;
        }

        connection.Dispose();
        return null;
    }

    /// <summary>Sends one packet.</summary>
    /// <returns>False when the other end is gone or does not read.</returns>
    internal unsafe bool Send(ReadOnlySpan<byte> packet)
    {
        fixed (byte* p = packet)
        {
            // SAFETY: the kernel reads packet.Length bytes from the pinned span.
            return send(this, p, (nuint)packet.Length, MSG_NOSIGNAL) == packet.Length;
        }
    }

    /// <summary>Receives one packet.</summary>
    /// <returns>Its length; 0 or less at the end, after <see cref="PatienceSeconds"/> of silence too.</returns>
    internal unsafe int Receive(Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            // SAFETY: the kernel writes at most buffer.Length bytes to the pinned span.
            return (int)recv(this, p, (nuint)buffer.Length, 0);
        }
    }

    private static unsafe ControlSocket? TryOpen(string name, bool isListener)
    {
        // struct sockaddr_un: family, then a NUL, which makes the name abstract, and the name.
        byte[] address = new byte[3 + Encoding.ASCII.GetByteCount(name)];
        BinaryPrimitives.WriteUInt16LittleEndian(address, AF_UNIX);
        _ = Encoding.ASCII.GetBytes(name, address.AsSpan(3));
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | Libc.O_CLOEXEC, 0);
        if (fd < 0)
        {
            return null;
        }

        ControlSocket made = new(fd);
        fixed (byte* p = address)
        {
            // SAFETY: the kernel reads the address, which is pinned, with its true length.
            bool isOpen = isListener
                ? bind(made, p, (uint)address.Length) == 0 && listen(made, 8) == 0
                : connect(made, p, (uint)address.Length) == 0;
            if (isOpen)
            {
                made.LimitPatience();
                return made;
            }
        }

        made.Dispose();
        return null;
    }

    private unsafe void LimitPatience()
    {
        long* time = stackalloc long[2] { PatienceSeconds, 0 };

        // SAFETY: a struct timeval of 16 bytes. What is refused leaves the socket patient.
        _ = setsockopt(this, SOL_SOCKET, SO_RCVTIMEO, time, 16) + setsockopt(this, SOL_SOCKET, SO_SNDTIMEO, time, 16);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int bind(SafeHandle socket, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int listen(SafeHandle socket, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int connect(SafeHandle socket, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int accept4(SafeHandle socket, byte* address, uint* length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int getsockopt(SafeHandle socket, int level, int name, void* value, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int setsockopt(SafeHandle socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint send(SafeHandle socket, void* buffer, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint recv(SafeHandle socket, void* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int geteuid();
}
