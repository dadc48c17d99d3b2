using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>What the pager does to and for its own process and its child; prctl(2), prlimit(2), kill(2).</summary>
internal static unsafe partial class OwnProcess
{
    private const nint PR_SET_DUMPABLE = 4;
    private const nint RLIMIT_NOFILE = 7;
    private const nint ARCH_GET_XCOMP_SUPP = 0x1021;

    /// <summary>Makes this process undumpable: no core dump, and no access by other processes of the same user (ptrace(2)).</summary>
    /// <exception cref="KernelException">The kernel refused, which prctl(2) does not foresee.</exception>
    internal static void Harden()
    {
        if (Libc.syscall(Libc.SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "prctl PR_SET_DUMPABLE");
        }
    }

    /// <summary>Gets which parts of the registers the kernel saves for this process, as bits of XCR0. x86-64 only.</summary>
    /// <returns>0 when the kernel does not tell (before Linux 5.16, or another processor).</returns>
    /// <remarks>arch/x86/kernel/fpu/xstate.c, fpu_xstate_prctl. Intel SDM volume 1, 13.1: bit 2 is AVX; 5, 6 and 7 are AVX-512.</remarks>
    internal static ulong SavedRegisters()
    {
        ulong saved = 0;
        return RuntimeInformation.ProcessArchitecture == Architecture.X64
            && Libc.syscall(Libc.SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, (nint)(&saved), 0, 0, 0, 0) == 0
            ? saved
            : 0;
    }

    /// <summary>Gives a process another soft limit of open files.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="soft">The limit; null leaves it. Cut to the hard limit.</param>
    internal static void LimitOpenFiles(int pid, ulong? soft)
    {
        ulong* limits = stackalloc ulong[2];

        // SAFETY: struct rlimit64 is two 64-bit words: soft, hard.
        if (soft is null || Libc.syscall(Libc.SYS_prlimit64, pid, RLIMIT_NOFILE, 0, (nint)limits, 0, 0) != 0)
        {
            return;
        }

        limits[0] = Math.Min(soft.Value, limits[1]);
        _ = Libc.syscall(Libc.SYS_prlimit64, pid, RLIMIT_NOFILE, (nint)limits, 0, 0, 0); // lowering a soft limit is never refused
    }

    /// <summary>Sends a signal; nothing happens when the process has ended.</summary>
    internal static void Send(int pid, int signal) => _ = Libc.syscall(Libc.SYS_kill, pid, signal, 0, 0, 0, 0);

    /// <summary>Tells whether this process is in the foreground of its terminal, so that keys typed there signal it.</summary>
    internal static bool IsInForeground()
    {
        using OwnedDescriptor? terminal = OwnedDescriptor.TryOpen("/dev/tty", 0, out _);
        return terminal is not null && tcgetpgrp(terminal) == getpgrp();
    }

    [LibraryImport("libc")]
    private static partial int tcgetpgrp(SafeHandle terminal);

    [LibraryImport("libc")]
    private static partial int getpgrp();
}
