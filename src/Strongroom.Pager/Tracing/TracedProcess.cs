using System.Collections.Generic;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>A process of the tree. Guarded by: tracer thread only.</summary>
internal sealed class TracedProcess
{
    /// <summary>Notes a new process.</summary>
    internal TracedProcess(int pid, TargetMemory memory)
    {
        Pid = pid;
        Memory = memory;
    }

    /// <summary>Gets the process id.</summary>
    internal int Pid { get; }

    /// <summary>Gets or sets its memory; exec replaces it.</summary>
    internal TargetMemory Memory { get; set; }

    /// <summary>Gets its threads.</summary>
    internal HashSet<int> Threads { get; } = [];
}

/// <summary>A thread of the tree. Guarded by: tracer thread only.</summary>
internal sealed class TracedThread
{
    /// <summary>Notes a new thread.</summary>
    internal TracedThread(int tid, TracedProcess process)
    {
        Tid = tid;
        Process = process;
    }

    /// <summary>Gets the thread id.</summary>
    internal int Tid { get; }

    /// <summary>Gets the process that it belongs to.</summary>
    internal TracedProcess Process { get; }

    /// <summary>Gets or sets a value indicating whether its first stop is over.</summary>
    internal bool IsStarted { get; set; }

    /// <summary>Gets or sets a value indicating whether it is in what seccomp's strict mode is.</summary>
    internal bool IsStrict { get; set; }

    /// <summary>Gets or sets a value indicating whether it is stopped until a <see cref="GoOnRequest"/>.</summary>
    internal bool IsHeld { get; set; }

    /// <summary>Gets or sets who waits to see it outside the kernel, or null.</summary>
    internal QuiesceRequest? Quiescing { get; set; }

    /// <summary>Gets or sets whose call waits for calls to be made in this thread, or null.</summary>
    internal StoppedCall? Call { get; set; }

    /// <summary>Gets or sets what to do at its next interrupt-stop, or null.</summary>
    internal AttachRequest? Pending { get; set; }

    /// <summary>Gets or sets the call that it makes anew, or null.</summary>
    internal WatchedCall? Watched { get; set; }

    /// <summary>Gets a value indicating whether somebody waits for its next interrupt-stop.</summary>
    internal bool IsAwaited => Quiescing is not null || Call is not null || Pending is not null;

    /// <summary>Gives it the registers that it had before its stop; what that did to its call (<see cref="Injector.IsDisturbed"/>) is undone:
    /// a call that it ended is made again, a transfer that it cut short goes on.</summary>
    internal void Restore(user_regs_struct registers)
    {
        _ = Injector.RepairInterrupted(ref registers);
        Watched = ShortTransfer.TryBegin(Tid, registers);
        _ = Watched is not null || Tracee.TrySetRegisters(Tid, registers); // false: gone
    }

    /// <summary>Lets it go on from its stop, delivering a signal (0: none).</summary>
    /// <returns>False when it is gone.</returns>
    internal bool Continue(int signal) =>
        Watched is null ? Tracee.Continue(Tid, signal) : Tracee.ContinueToCallStop(Tid, signal);
}

/// <summary>What the pager thread asks of the tracer thread.</summary>
internal abstract record TracerRequest(TargetMemory Memory);

/// <summary>The wish that a memory get an agent.</summary>
/// <param name="Memory">Which.</param>
/// <param name="Inherited">After a fork: the child's address space, else null.</param>
/// <param name="HeldThread">After a fork: the child's thread, which is stopped and waits; else 0.</param>
internal sealed record AttachRequest(TargetMemory Memory, AddressSpace? Inherited, int HeldThread) : TracerRequest(Memory)
{
    /// <summary>Gets whose call needs the agent, or null: that thread is stopped, and makes its call again.</summary>
    internal StoppedCall? Caller { get; init; }
}

/// <summary>The wish that a thread be stopped in the system call that it waits in.</summary>
/// <param name="Call">The call.</param>
internal sealed record CallRequest(StoppedCall Call) : TracerRequest((TargetMemory)null!);

/// <summary>The question whether every thread has left whatever madvise(2) it was in when this was asked.</summary>
/// <param name="Memory">Which.</param>
/// <param name="Epoch">Given back with the answer.</param>
internal sealed record QuiesceRequest(TargetMemory Memory, int Epoch) : TracerRequest(Memory)
{
    /// <summary>Gets or sets how many threads have yet to be seen outside the kernel. Tracer thread only.</summary>
    internal int Outstanding { get; set; }
}

/// <summary>The news that a child held after its fork has nothing to be adopted, or that the agent of a process held after its exec was
/// told to end: it may go on.</summary>
/// <param name="Memory">Its memory.</param>
/// <param name="HeldThread">Its thread.</param>
internal sealed record ReleaseRequest(TargetMemory Memory, int HeldThread) : TracerRequest(Memory);

/// <summary>The wish that no thread change a memory's layout until a <see cref="GoOnRequest"/>: those that may be about to are stopped, each when
/// the change it makes has been reported.</summary>
/// <param name="Memory">Which.</param>
internal sealed record HoldRequest(TargetMemory Memory) : TracerRequest(Memory);

/// <summary>The wish that the threads that a <see cref="HoldRequest"/> stopped go on.</summary>
/// <param name="Memory">Of which memory.</param>
internal sealed record GoOnRequest(TargetMemory Memory) : TracerRequest(Memory);

/// <summary>The wish that all processes that use a memory be killed.</summary>
internal sealed record KillRequest(TargetMemory Memory) : TracerRequest(Memory);
