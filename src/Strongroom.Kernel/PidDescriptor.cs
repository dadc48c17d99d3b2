using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>A pidfd: a process that cannot be mistaken for another that later gets the same number. pidfd_open(2).</summary>
internal sealed class PidDescriptor : OwnedDescriptor
{
    private PidDescriptor(int fd)
        : base(fd)
    {
    }

    /// <summary>Opens a process.</summary>
    /// <returns>The descriptor, or null when the process is gone (ESRCH).</returns>
    /// <exception cref="KernelException">EMFILE, ENFILE, ENOMEM, EINVAL (not a thread-group leader).</exception>
    internal static PidDescriptor? TryOpen(int pid)
    {
        nint fd = Libc.syscall(Libc.SYS_pidfd_open, pid, 0, 0, 0, 0, 0);
        if (fd >= 0)
        {
            return new PidDescriptor((int)fd);
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == Libc.ESRCH ? null : throw new KernelException(errno, $"pidfd_open of process {pid}");
    }

    /// <summary>Copies one of the process's descriptors into this process; pidfd_getfd(2).</summary>
    /// <param name="remote">The number in the other process.</param>
    /// <exception cref="KernelException">EPERM (no ptrace access), EBADF, EMFILE, ESRCH.</exception>
    internal int CopyDescriptor(int remote)
    {
        nint fd = Libc.syscall(Libc.SYS_pidfd_getfd, Number, remote, 0, 0, 0, 0);
        return fd >= 0
            ? (int)fd
            : throw new KernelException(Marshal.GetLastPInvokeError(), $"pidfd_getfd of descriptor {remote}");
    }

    /// <summary>Sends a signal; false when the process is gone.</summary>
    internal bool Send(int signal) => Libc.syscall(Libc.SYS_pidfd_send_signal, Number, signal, 0, 0, 0, 0) == 0;
}
