using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>A wait that a signal which its thread ignores has interrupted, and that no such signal interrupts again.</summary>
/// <remarks>
/// Calls that end with EINTR whatever the handler (signal(7)) begin again with their whole timeout, so if such signals came more often than
/// that they would never time out. Until the wait is over they are blocked: it lasts at most twice as long as it should. Not for calls that
/// come with a signal mask of their own (epoll_pwait with one), as they would replace this. Real-time signals are not blocked: the kernel
/// would keep each until then. Tracer thread only.
/// </remarks>
internal sealed class QuietWait : WatchedCall
{
    private const ulong StandardSignals = 0x7fff_ffff; // 1 to 31

    private readonly ulong _mask;

    private QuietWait(ulong mask)
    {
        _mask = mask;
    }

    /// <summary>Keeps from a thread what it ignores, if it is about to make a wait anew.</summary>
    /// <param name="tid">The thread, stopped; to be let go with <see cref="Tracee.ContinueToCallStop"/> if this is not null.</param>
    /// <param name="registers">Its registers.</param>
    /// <param name="ignored">The signals that it ignores; bit n-1 stands for signal n.</param>
    /// <returns>The wait; null when it is no such call, or the thread is gone.</returns>
    internal static QuietWait? TryBegin(int tid, in user_regs_struct registers, ulong ignored) =>
        IsWait(registers) && Tracee.TryGetSignalMask(tid, out ulong mask) && Tracee.TrySetSignalMask(tid, mask | (ignored & StandardSignals))
            ? new(mask)
            : null;

    /// <inheritdoc/>
    internal override void Abandon(int tid) => _ = Tracee.TrySetSignalMask(tid, _mask); // false: killed

    /// <inheritdoc/>
    protected override void HandleExit(int tid) => Abandon(tid);

    // Those of signal(7) that can have a timeout, but for those with a mask.
    private static bool IsWait(in user_regs_struct registers) =>
        Tracee.Is64BitCall(registers) && unchecked((long)registers.orig_rax) switch
        {
            Libc.SYS_epoll_wait or Libc.SYS_rt_sigtimedwait or Libc.SYS_semtimedop or Libc.SYS_io_getevents => true,
            Libc.SYS_epoll_pwait or Libc.SYS_epoll_pwait2 => registers.r8 == 0,
            Libc.SYS_read or Libc.SYS_write or Libc.SYS_readv or Libc.SYS_writev or Libc.SYS_connect or Libc.SYS_accept
                or Libc.SYS_accept4 or Libc.SYS_sendto or Libc.SYS_recvfrom or Libc.SYS_sendmsg or Libc.SYS_recvmsg
                or Libc.SYS_sendmmsg or Libc.SYS_recvmmsg => true, // of a socket with a timeout
            _ => false,
        };
}
