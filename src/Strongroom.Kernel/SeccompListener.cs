using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>A system call of another process that waits for an answer.</summary>
/// <param name="Id">Names the call until it is answered or its thread dies.</param>
/// <param name="ThreadId">Who called; 0 when it is in a PID namespace that is not seen from here.</param>
/// <param name="Number">The call's number.</param>
/// <param name="A">First argument.</param>
/// <param name="B">Second argument.</param>
/// <param name="C">Third argument.</param>
/// <param name="D">Fourth argument.</param>
/// <param name="E">Fifth argument.</param>
/// <param name="F">Sixth argument.</param>
internal readonly record struct WaitingCall(
    ulong Id, int ThreadId, int Number, ulong A, ulong B, ulong C, ulong D, ulong E, ulong F);

/// <summary>The descriptor through which the calls that a seccomp filter holds back are read and answered; seccomp_unotify(2).</summary>
/// <remarks>
/// Thread safety: any thread may answer; one thread receives. The kernel waits for the filter's lock interruptibly (kernel/seccomp.c), so
/// a signal that comes while another thread has it ends any of these with EINTR before anything was done: all but receiving try again.
/// </remarks>
internal sealed class SeccompListener : OwnedDescriptor
{
    /// <summary>The result by which the kernel makes a call again, once the thread has been through a stop (linux/errno.h).</summary>
    internal const int RestartAfterStop = 513;

    /// <summary>Takes over a descriptor.</summary>
    internal SeccompListener(int fd)
        : base(fd)
    {
    }

    /// <summary>Receives a call; waits when there is none.</summary>
    /// <returns>False when the caller died meanwhile, or a signal came.</returns>
    internal unsafe bool TryReceive(out WaitingCall call)
    {
        seccomp_notif notice = default;
        call = default;
        if (Libc.ioctl(this, Libc.SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0)
        {
            return false; // ENOENT, EINTR
        }

        // SAFETY: the six arguments lie in the local structure.
        ulong* a = notice.data.args;
        call = new(notice.id, unchecked((int)notice.pid), notice.data.nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        return true;
    }

    /// <summary>Tells whether the caller still waits, so that what was read from its memory was its own.</summary>
    internal unsafe bool IsWaiting(ulong id) => Ask(Libc.SECCOMP_IOCTL_NOTIF_ID_VALID, &id) >= 0;

    /// <summary>Answers with a result.</summary>
    /// <param name="id">The call.</param>
    /// <param name="result">A value, or a negative errno.</param>
    /// <returns>False when the caller is gone.</returns>
    internal unsafe bool Answer(ulong id, long result)
    {
        bool isError = result is < 0 and >= -4095;
        seccomp_notif_resp answer = new() { id = id, val = isError ? 0 : result, error = isError ? (int)result : 0 };
        return Ask(Libc.SECCOMP_IOCTL_NOTIF_SEND, &answer) >= 0;
    }

    /// <summary>Lets the kernel carry out the call as if there were no filter.</summary>
    internal unsafe bool LetPass(ulong id)
    {
        seccomp_notif_resp answer = new() { id = id, flags = Libc.SECCOMP_USER_NOTIF_FLAG_CONTINUE };
        return Ask(Libc.SECCOMP_IOCTL_NOTIF_SEND, &answer) >= 0;
    }

    /// <summary>Gives the caller, which goes on waiting, a copy of a descriptor.</summary>
    /// <param name="id">The call.</param>
    /// <param name="descriptor">What to copy.</param>
    /// <param name="flags">O_CLOEXEC or 0.</param>
    /// <returns>Its number there, or a negative errno: EMFILE (the caller's table is full), ENOENT (the caller is gone).</returns>
    /// <remarks>Not in one step with the answer (SECCOMP_ADDFD_FLAG_SEND): cut short by a signal, that answers without the descriptor.</remarks>
    internal unsafe int GiveDescriptor(ulong id, OwnedDescriptor descriptor, uint flags)
    {
        seccomp_notif_addfd added = new()
        {
            id = id,
            srcfd = (uint)descriptor.Number,
            newfd_flags = flags,
        };
        int result = Ask(Libc.SECCOMP_IOCTL_NOTIF_ADDFD, &added);
        GC.KeepAlive(descriptor);
        return result;
    }

    // Returns the result, or a negative errno.
    private unsafe int Ask(nuint request, void* argument)
    {
        while (true)
        {
            int result = Libc.ioctl(this, request, argument);
            int errno = result < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (errno != Libc.EINTR)
            {
                return result < 0 ? -errno : result;
            }
        }
    }
}
