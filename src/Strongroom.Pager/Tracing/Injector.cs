using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Makes system calls in a stopped thread of a target, and leaves it as it was.</summary>
/// <remarks>
/// The thread runs one instruction, <c>syscall</c>, per call, with all signals but SIGTRAP blocked, and none of its calls dispatched to
/// itself (prctl(PR_SET_SYSCALL_USER_DISPATCH), as Wine does). The stop after it lies in the
/// kernel's signal path, so a system call that the interrupt cut short is restarted by the kernel from the registers that are put back,
/// exactly as if nothing had been. Source: ptrace(2), signal(7), arch/x86/kernel/signal.c.
/// </remarks>
internal sealed class Injector
{
    private const ulong AllButSigTrap = ~(1ul << (Libc.SIGTRAP - 1));

    private readonly TracedThread _thread;
    private readonly int _tid;
    private readonly TraceReports _reports;
    private user_regs_struct _saved;
    private ulong _savedMask;
    private ptrace_sud_config _savedDispatch;
    private int _heldSignal;
    private bool _hasLeft;

    /// <summary>Prepares calls in a thread.</summary>
    /// <param name="thread">A stopped tracee.</param>
    /// <param name="reports">Keeps what is reported meanwhile of other threads, and of the end of this one.</param>
    internal Injector(TracedThread thread, TraceReports reports)
    {
        _thread = thread;
        _tid = thread.Tid;
        _reports = reports;
    }

    /// <summary>Gets or sets the address of a <c>syscall</c> instruction in the target.</summary>
    internal ulong SyscallAddress { get; set; }

    /// <summary>Saves the thread's state.</summary>
    /// <param name="refusal">Why not, or null when the thread is gone.</param>
    internal bool TryBegin(out string? refusal)
    {
        refusal = null;
        if (!Tracee.TryGetRegisters(_tid, out _saved) || !Tracee.TryGetSignalMask(_tid, out _savedMask))
        {
            return false;
        }

        if (_saved.cs != Tracee.UserCodeSegment64)
        {
            refusal = "32-bit program";
            return false;
        }

        _saved.rip = IsInCall(_saved) ? _saved.rip : RestartableSequence.AfterDisturbance(_tid, _saved.rip);

        return Tracee.TryGetDispatch(_tid, out _savedDispatch)
            && Tracee.TrySetSignalMask(_tid, AllButSigTrap)
            && (_savedDispatch.mode == 0 || Tracee.TrySetDispatch(_tid, default));
    }

    /// <summary>Makes calls with the instruction by which the thread made the call that it is stopped in.</summary>
    internal void UseOwnInstruction() => SyscallAddress = _saved.rip - Tracee.SyscallBytes;

    /// <summary>Gives the call that the thread is stopped in a result, in place of being made again. Before <see cref="End"/>.</summary>
    internal void Answer(long result)
    {
        _saved.rax = unchecked((ulong)result);
        _saved.orig_rax = ulong.MaxValue;
    }

    /// <summary>Makes one system call.</summary>
    /// <returns>Its result; -ESRCH also when the thread is gone, has no such instruction any more, or stopped before it.</returns>
    internal long Call(long number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0, ulong rbx = 0, ulong r12 = 0)
    {
        user_regs_struct registers = _saved;
        registers.rax = unchecked((ulong)number);
        registers.orig_rax = ulong.MaxValue; // no restart of what was interrupted
        registers.rdi = a;
        registers.rsi = b;
        registers.rdx = c;
        registers.r10 = d;
        registers.r8 = e;
        registers.r9 = f;
        registers.rbx = rbx;
        registers.r12 = r12;
        registers.rip = SyscallAddress;
        return IsStill() && Tracee.TrySetRegisters(_tid, registers) && Step() && Tracee.TryGetRegisters(_tid, out registers)
            && registers.rip == SyscallAddress + Tracee.SyscallBytes
            ? unchecked((long)registers.rax)
            : -Libc.ESRCH;
    }

    /// <summary>Lets a thread in which nothing was injected go on, as if it had not been interrupted.</summary>
    internal void LetGo()
    {
        if (!IsStill())
        {
            return;
        }

        if (Tracee.TryGetRegisters(_tid, out user_regs_struct registers) && IsDisturbed(registers))
        {
            _thread.Restore(registers);
        }

        _ = _thread.Continue(0); // false: gone
    }

    /// <summary>Puts the thread's state back and lets it run.</summary>
    internal void End()
    {
        if (IsStill() && Tracee.TrySetSignalMask(_tid, _savedMask)
            && (_savedDispatch.mode == 0 || Tracee.TrySetDispatch(_tid, _savedDispatch)))
        {
            _thread.Restore(_saved);
            _ = _thread.Continue(_heldSignal); // false: gone meanwhile; its end is reported
        }
    }

    /// <summary>Undoes what a mere interrupt does to the system calls that signal(7) lists as ending with EINTR after a stop: epoll_wait, semop,
    /// those on sockets with a timeout, and what drivers add to them.</summary>
    /// <param name="registers">Of a thread in an interrupt-stop, or in one for a signal that is ignored.</param>
    /// <returns>Whether there was something to undo: as ERESTARTNOHAND the kernel restarts the call, unless a handler runs. Not close, which has
    /// closed (fs/open.c): made again, it would close what another thread has opened meanwhile.</returns>
    internal static bool RepairInterrupted(ref user_regs_struct registers)
    {
        const long RestartNoHandler = -514;
        const long Close32 = 6; // asm/unistd_32.h
        bool isInterrupted = IsInCall(registers) && unchecked((long)registers.rax) == -Libc.EINTR
            && unchecked((long)registers.orig_rax) != (Tracee.Is64BitCall(registers) ? Libc.SYS_close : Close32);
        registers.rax = isInterrupted ? unchecked((ulong)RestartNoHandler) : registers.rax;
        return isInterrupted;
    }

    /// <summary>Tells whether a stop, or a signal that is ignored, has changed what a thread's call would have given.</summary>
    internal static bool IsDisturbed(user_regs_struct registers) => RepairInterrupted(ref registers) || ShortTransfer.IsShort(registers);

    private static bool IsInCall(in user_regs_struct registers) => unchecked((long)registers.orig_rax) >= 0;

    /// <summary>Looks whether the thread, which was stopped and was not let go, is no longer there.</summary>
    internal bool IsGone() => !IsStill() || !Tracee.TryGetRegisters(_tid, out _);

    // Another thread of the process may have executed a program meanwhile: the number then belongs to that one, stopped in its new program.
    private bool IsStill()
    {
        _hasLeft = _hasLeft || _reports.HasLeft(_tid);
        return !_hasLeft;
    }

    private bool Step()
    {
        if (!Tracee.SingleStep(_tid))
        {
            return false;
        }

        while (true)
        {
            WaitResult result = _reports.NextOf(_tid);
            switch (result.Kind)
            {
                case WaitKind.SignalStop when result.Signal == Libc.SIGTRAP:
                    return true;
                case WaitKind.SignalStop when result.Signal is Libc.SIGILL or Libc.SIGBUS or Libc.SIGSEGV:
                    return false; // the instruction is not there: another thread of the program unmapped or protected it
                case WaitKind.SignalStop:
                    _heldSignal = result.Signal; // SIGSTOP, which cannot be blocked: delivered at the end
                    break;
                case WaitKind.InterruptStop:
                    break;
                case WaitKind.EventStop when result.Event != Libc.PTRACE_EVENT_EXEC:
                    break;
                default:
                    _reports.Keep(result);
                    _hasLeft = true;
                    return false;
            }

            if (!Tracee.SingleStep(_tid))
            {
                return false;
            }
        }
    }
}
