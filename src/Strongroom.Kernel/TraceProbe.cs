using System;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>What the kernel said to each way of reaching into a child; 0 or errno.</summary>
/// <param name="CloneProcess">Making a process that shares memory; clone(2) with CLONE_VM.</param>
/// <param name="OpenProcess">pidfd_open(2).</param>
/// <param name="Seize">ptrace(2), PTRACE_SEIZE with the options of a run.</param>
/// <param name="CopyDescriptor">pidfd_getfd(2).</param>
/// <param name="ReadMemory">process_vm_readv(2).</param>
/// <param name="Compare">kcmp(2) of two processes' memory.</param>
internal readonly record struct TraceOutcome(
    int CloneProcess, int OpenProcess, int Seize, int CopyDescriptor, int ReadMemory, int Compare);

/// <summary>Tries on a child of its own what the pager does to every target.</summary>
internal static class TraceProbe
{
    private const nint KCMP_VM = 1;

    /// <summary>Makes a child, reaches into it and kills it. It never executes anything.</summary>
    /// <remarks>Must not run while this thread waits for other children with waitpid(2).</remarks>
    internal static TraceOutcome Try()
    {
        // Made before the child, which gets a copy of it.
        using EventDescriptor shared = new();
        using ChildLauncher launcher = new("/"u8.ToArray(), [], []);
        int child;
        try
        {
            child = launcher.Start();
        }
        catch (KernelException e)
        {
            return new(e.Errno, Libc.ESRCH, Libc.ESRCH, Libc.ESRCH, Libc.ESRCH, Libc.ESRCH);
        }

        int open = Errno(() => PidDescriptor.TryOpen(child)?.Dispose());
        int seize = Errno(() => Tracee.Seize(child));
        int copy = Errno(() => CopyDescriptor(child, shared.Number));
        int read = ReadMemory(child);
        int compare = Compare(child);
        Kill(child);
        return new(0, open, seize, copy, read, compare);
    }

    // Not through a pidfd, which may be what is missing. The child is unreaped, so its number is still its own.
    private static void Kill(int child)
    {
        _ = Libc.syscall(Libc.SYS_kill, child, Libc.SIGKILL, 0, 0, 0, 0);
        WaitResult end;
        do
        {
            end = Tracee.Wait(child, block: true);
        }
        while (end.Kind is not (WaitKind.Exited or WaitKind.Killed or WaitKind.NoChildren));
    }

    private static void CopyDescriptor(int child, int number)
    {
        using PidDescriptor? process = PidDescriptor.TryOpen(child);
        using OwnedDescriptor copy = new(process?.CopyDescriptor(number) ?? -1);
    }

    // The child shares this process's memory, so 0 is the right answer; 1 and 2 would say that it does not.
    private static int Compare(int child)
    {
        nint order = Libc.syscall(Libc.SYS_kcmp, Environment.ProcessId, child, KCMP_VM, 0, 0, 0);
        return order < 0 ? Marshal.GetLastPInvokeError() : order == 0 ? 0 : Libc.EINVAL;
    }

    private static int ReadMemory(int child)
    {
        using NativeBuffer page = new(PageNumber.SizeBytes);
        page.Bytes[0] = 1;
        Span<byte> copy = stackalloc byte[1];
        int n = RemoteMemory.Read(child, page.Range.Start.Value, copy);
        return n == 1 ? 0 : n < 0 ? -n : Libc.EFAULT;
    }

    private static int Errno(Action action)
    {
        try
        {
            action();
            return 0;
        }
        catch (KernelException e)
        {
            return e.Errno;
        }
    }
}
