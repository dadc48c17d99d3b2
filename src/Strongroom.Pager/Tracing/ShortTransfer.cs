using System;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>The rest of a call that moves bytes and was cut short by a stop of the pager's.</summary>
/// <remarks>
/// A call that sleeps and has moved some bytes says how many when a signal is pending, and a stop is one; a program that catches no
/// signal need not expect that (signal(7), write(2)). So the call is made again for what is left, and the program is told the sum. What
/// was short for another reason (no room, the end of a file) is short again. Not for calls whose bytes lie scattered (writev, sendmsg).
/// Tracer thread only.
/// </remarks>
internal sealed class ShortTransfer : WatchedCall
{
    private const ulong MostBytes = 0x7fff_f000; // MAX_RW_COUNT, include/linux/fs.h

    private readonly user_regs_struct _before;

    private ShortTransfer(in user_regs_struct before)
    {
        _before = before;
    }

    /// <summary>Tells whether a thread is on its way out of such a call.</summary>
    /// <param name="registers">Of a thread in a stop; rax holds how many bytes were moved.</param>
    internal static bool IsShort(user_regs_struct registers) => TryLeaveRest(ref registers);

    /// <summary>Makes a thread make the rest of its call, if it is on its way out of one that was cut short.</summary>
    /// <param name="tid">The thread, stopped; to be let go with <see cref="Tracee.ContinueToCallStop"/> if there is a rest.</param>
    /// <param name="registers">Its registers.</param>
    /// <returns>The rest; null when there is none, or the thread is gone.</returns>
    internal static ShortTransfer? TryBegin(int tid, in user_regs_struct registers)
    {
        user_regs_struct rest = registers;
        return TryLeaveRest(ref rest) && Tracee.TrySetRegisters(tid, rest) ? new(registers) : null;
    }

    /// <inheritdoc/>
    internal override void Abandon(int tid) => _ = Tracee.TrySetRegisters(tid, _before); // false: killed

    /// <summary>Gives the thread its registers back, and the sum of both calls.</summary>
    protected override void HandleExit(int tid)
    {
        user_regs_struct registers = _before;
        if (Tracee.TryGetRegisters(tid, out user_regs_struct after))
        {
            registers.rax = unchecked(registers.rax + (ulong)Math.Max((long)after.rax, 0)); // negative: an errno
            _ = Tracee.TrySetRegisters(tid, registers); // false: killed
        }
    }

    private static bool TryLeaveRest(ref user_regs_struct registers)
    {
        ulong moved = registers.rax;
        if (!Tracee.Is64BitCall(registers) || unchecked((long)moved) <= 0)
        {
            return false;
        }

        ulong call = registers.orig_rax;
        registers.rax = call;
        registers.orig_rax = ulong.MaxValue;
        registers.rip = unchecked(registers.rip - Tracee.SyscallBytes);
        switch (unchecked((long)call))
        {
            case Libc.SYS_write or Libc.SYS_sendto:
                registers.rsi = unchecked(registers.rsi + moved);
                return TryShorten(ref registers.rdx, moved);
            case Libc.SYS_pwrite64:
                registers.rsi = unchecked(registers.rsi + moved);
                registers.r10 = unchecked(registers.r10 + moved);
                return TryShorten(ref registers.rdx, moved);
            case Libc.SYS_getrandom:
                registers.rdi = unchecked(registers.rdi + moved);
                return TryShorten(ref registers.rsi, moved);
            case Libc.SYS_sendfile:
                return TryShorten(ref registers.r10, moved); // the kernel moved the offset
            case Libc.SYS_copy_file_range:
                return TryShorten(ref registers.r8, moved);
            default:
                return false;
        }
    }

    private static bool TryShorten(ref ulong length, ulong moved)
    {
        ulong whole = Math.Min(length, MostBytes);
        length = unchecked(whole - moved);
        return moved < whole;
    }
}
