using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>How a thread that is traced changed, as waitpid(2) told it.</summary>
internal enum WaitKind
{
    /// <summary>Nothing was waiting, or a signal cut the wait short.</summary>
    None,

    /// <summary>No child or tracee is left (ECHILD).</summary>
    NoChildren,

    /// <summary>The thread ended by itself; the status is <see cref="WaitResult.Signal"/>'s sibling <see cref="WaitResult.ExitCode"/>.</summary>
    Exited,

    /// <summary>The thread was killed by <see cref="WaitResult.Signal"/>.</summary>
    Killed,

    /// <summary>The thread is about to get <see cref="WaitResult.Signal"/> (signal-delivery-stop).</summary>
    SignalStop,

    /// <summary>The thread reports <see cref="WaitResult.Event"/> (fork, vfork, clone, exec).</summary>
    EventStop,

    /// <summary>PTRACE_EVENT_STOP: a new tracee, an interrupt, or (signal SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU) a group-stop.</summary>
    InterruptStop,

    /// <summary>The thread is at the entry or the exit of a system call (syscall-stop).</summary>
    CallStop,
}

/// <summary>One report of waitpid(2), decoded.</summary>
internal readonly record struct WaitResult(int ThreadId, WaitKind Kind, int Signal, int Event, int ExitCode);

/// <summary>ptrace(2) requests on one thread. All must be made by the thread that seized the tree.</summary>
/// <remarks>
/// Every request on a tracee can fail with ESRCH at any moment, because SIGKILL takes a tracee out of its stop. That is an
/// expected outcome, so these return false for it and throw for any other errno.
/// </remarks>
internal static class Tracee
{
    private const int MostInstructions = 4096; // BPF_MAXINSNS, linux/bpf_common.h
    private const ulong LowestRefusedBase = 0x7fff_ffff_f000; // TASK_SIZE_MAX, or more with five levels of page tables

    /// <summary>Everything that must be followed; the kernel kills all tracees when the tracer ends (EXITKILL).</summary>
    internal const int FollowAll = Libc.PTRACE_O_EXITKILL | Libc.PTRACE_O_TRACEFORK | Libc.PTRACE_O_TRACEVFORK
        | Libc.PTRACE_O_TRACECLONE | Libc.PTRACE_O_TRACEEXEC | Libc.PTRACE_O_TRACESYSGOOD;

    /// <summary>The code segment (register cs) of 64-bit code in user space; arch/x86/include/asm/segment.h, __USER_CS.</summary>
    internal const ulong UserCodeSegment64 = 0x33;

    /// <summary>The length of the instruction <c>syscall</c>, in bytes.</summary>
    internal const ulong SyscallBytes = 2;

    /// <summary>Tells whether a thread's call was made by the instruction <c>syscall</c>, which leaves the address behind it in rcx; int 0x80 does
    /// not, and its calls have other numbers (asm/unistd_32.h).</summary>
    internal static bool Is64BitCall(in user_regs_struct registers) =>
        registers.cs == UserCodeSegment64 && registers.rcx == registers.rip;

    private const int CallStopSignal = 5 | 0x80; // SIGTRAP, marked as PTRACE_O_TRACESYSGOOD asks for

    /// <summary>Starts to trace a process that waits in <see cref="ChildLauncher"/>.</summary>
    /// <exception cref="KernelException">EPERM: no privilege, Yama, or already traced.</exception>
    internal static unsafe void Seize(int pid) =>
        _ = Request(Libc.PTRACE_SEIZE, pid, null, (void*)FollowAll, "PTRACE_SEIZE")
            ? 0 : throw new KernelException(Libc.ESRCH, "PTRACE_SEIZE");

    /// <summary>Lets a stopped thread run, delivering a signal (0: none).</summary>
    internal static unsafe bool Continue(int tid, int signal) =>
        Request(Libc.PTRACE_CONT, tid, null, (void*)signal, "PTRACE_CONT");

    /// <summary>Lets a stopped thread run to the entry or the exit of a system call, delivering a signal (0: none).</summary>
    internal static unsafe bool ContinueToCallStop(int tid, int signal) =>
        Request(Libc.PTRACE_SYSCALL, tid, null, (void*)signal, "PTRACE_SYSCALL");

    /// <summary>Leaves a thread in its group-stop while events go on being reported.</summary>
    internal static unsafe bool Listen(int tid) => Request(Libc.PTRACE_LISTEN, tid, null, null, "PTRACE_LISTEN");

    /// <summary>Asks a running thread to stop; it will report <see cref="WaitKind.InterruptStop"/>.</summary>
    internal static unsafe bool Interrupt(int tid) =>
        Request(Libc.PTRACE_INTERRUPT, tid, null, null, "PTRACE_INTERRUPT");

    /// <summary>Runs one instruction.</summary>
    internal static unsafe bool SingleStep(int tid) =>
        Request(Libc.PTRACE_SINGLESTEP, tid, null, null, "PTRACE_SINGLESTEP");

    /// <summary>Reads the general registers of a stopped thread.</summary>
    internal static unsafe bool TryGetRegisters(int tid, out user_regs_struct registers)
    {
        fixed (user_regs_struct* p = &registers)
        {
            return Request(Libc.PTRACE_GETREGS, tid, null, p, "PTRACE_GETREGS");
        }
    }

    /// <summary>Writes the general registers of a stopped thread. The bases and selectors of segments must be as they were read.</summary>
    /// <remarks>
    /// A thread may give itself a base in the kernel's half of the addresses (WRGSBASE), and then PTRACE_SETREGS ends with EIO at that
    /// base. It goes through the structure in its order (arch/x86/kernel/ptrace.c, genregs_set), so all but bases and selectors, which come
    /// last, is written by then.
    /// </remarks>
    internal static unsafe bool TrySetRegisters(int tid, user_regs_struct registers) =>
        Request(
            Libc.PTRACE_SETREGS,
            tid,
            null,
            &registers,
            "PTRACE_SETREGS",
            bearable: Math.Max(registers.fs_base, registers.gs_base) >= LowestRefusedBase ? Libc.EIO : 0);

    /// <summary>Reads the mask of blocked signals; bit n-1 stands for signal n.</summary>
    internal static unsafe bool TryGetSignalMask(int tid, out ulong mask)
    {
        fixed (ulong* p = &mask)
        {
            return Request(Libc.PTRACE_GETSIGMASK, tid, (void*)sizeof(ulong), p, "PTRACE_GETSIGMASK");
        }
    }

    /// <summary>Replaces the mask of blocked signals.</summary>
    internal static unsafe bool TrySetSignalMask(int tid, ulong mask) =>
        Request(Libc.PTRACE_SETSIGMASK, tid, (void*)sizeof(ulong), &mask, "PTRACE_SETSIGMASK");

    /// <summary>Finds the area in which a stopped thread keeps its restartable sequence. (Linux 5.13.)</summary>
    /// <returns>Its address; 0 when it has none, the kernel knows none, or the thread is gone.</returns>
    internal static unsafe ulong RseqArea(int tid)
    {
        ptrace_rseq_configuration area = default;

        // SAFETY: the kernel writes at most sizeof(ptrace_rseq_configuration) bytes to the local.
        _ = Libc.ptrace(Libc.PTRACE_GET_RSEQ_CONFIGURATION, tid, (void*)sizeof(ptrace_rseq_configuration), &area);
        return area.rseq_abi_pointer;
    }

    /// <summary>Reads a seccomp filter of a stopped thread. (CONFIG_CHECKPOINT_RESTORE)</summary>
    /// <param name="tid">The thread.</param>
    /// <param name="index">Which: 0 is the one that was put there first.</param>
    /// <param name="code">The program, as it was given to the kernel.</param>
    /// <param name="errno">0, EACCES (no CAP_SYS_ADMIN, or the caller is behind a filter itself), EINVAL or EIO (not in this kernel), ENOENT, ESRCH.</param>
    internal static unsafe bool TryGetFilter(int tid, int index, out sock_filter[] code, out int errno)
    {
        code = new sock_filter[MostInstructions];
        fixed (sock_filter* p = code)
        {
            // SAFETY: the kernel writes no more instructions than a program can have.
            long count = Libc.ptrace(Libc.PTRACE_SECCOMP_GET_FILTER, tid, (void*)index, p);
            errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            Array.Resize(ref code, (int)Math.Max(count, 0));
            return count > 0;
        }
    }

    /// <summary>Reads which system calls are dispatched to the thread itself. (Linux 6.4.)</summary>
    internal static unsafe bool TryGetDispatch(int tid, out ptrace_sud_config dispatch)
    {
        fixed (ptrace_sud_config* p = &dispatch)
        {
            return Request(
                Libc.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
                tid,
                (void*)sizeof(ptrace_sud_config),
                p,
                "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG");
        }
    }

    /// <summary>Says which system calls are dispatched to the thread itself.</summary>
    internal static unsafe bool TrySetDispatch(int tid, ptrace_sud_config dispatch) =>
        Request(
            Libc.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG,
            tid,
            (void*)sizeof(ptrace_sud_config),
            &dispatch,
            "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG");

    /// <summary>Reads what belongs to the last event: the new thread's id, or for exec the former id.</summary>
    internal static unsafe bool TryGetEventMessage(int tid, out int value)
    {
        ulong message = 0;
        bool found = Request(Libc.PTRACE_GETEVENTMSG, tid, null, &message, "PTRACE_GETEVENTMSG");
        value = (int)message;
        return found;
    }

    /// <summary>Waits for a report of one thread or (-1) any thread or child.</summary>
    /// <param name="tid">The thread, or -1.</param>
    /// <param name="block">False: return <see cref="WaitKind.None"/> when nothing waits.</param>
    internal static unsafe WaitResult Wait(int tid, bool block)
    {
        int status = 0;
        int found = Libc.waitpid(tid, &status, Libc.__WALL | (block ? 0 : Libc.WNOHANG));
        if (found < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            return errno switch
            {
                Libc.ECHILD => new(0, WaitKind.NoChildren, 0, 0, 0),
                Libc.EINTR => default,
                _ => throw new KernelException(errno, "waitpid"),
            };
        }

        return found == 0 ? default : Decode(found, status);
    }

    private static WaitResult Decode(int tid, int status)
    {
        int low = status & 0x7f;
        if (low == 0)
        {
            return new(tid, WaitKind.Exited, 0, 0, (status >> 8) & 0xff);
        }

        if (low != 0x7f)
        {
            return new(tid, WaitKind.Killed, low, 0, 0);
        }

        int signal = (status >> 8) & 0xff;
        int happened = (status >> 16) & 0xff;
        WaitKind kind = happened switch
        {
            0 when signal == CallStopSignal => WaitKind.CallStop,
            0 => WaitKind.SignalStop,
            Libc.PTRACE_EVENT_STOP => WaitKind.InterruptStop,
            _ => WaitKind.EventStop,
        };
        return new(tid, kind, signal, happened, 0);
    }

    private static unsafe bool Request(int request, int tid, void* address, void* data, string name, int bearable = 0)
    {
        // SAFETY: each caller passes for its request the pointers that ptrace(2) asks for, to memory that outlives the call.
        if (Libc.ptrace(request, tid, address, data) != -1)
        {
            return true;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == bearable || (errno == Libc.ESRCH ? false : throw new KernelException(errno, $"{name} of thread {tid}"));
    }
}
