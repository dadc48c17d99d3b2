using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>A call that changes what is covered of a process's memory. Carried out by the pager thread.</summary>
internal abstract class MemoryCall
{
    private readonly SeccompListener _listener;
    private readonly WaitingCall _call;

    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process.</param>
    protected MemoryCall(SeccompListener listener, WaitingCall call, int processId)
    {
        _listener = listener;
        _call = call;
        ProcessId = processId;
    }

    /// <summary>Gets the caller's process.</summary>
    internal int ProcessId { get; }

    /// <summary>Gets a value indicating whether the caller still waits. If not, it was killed, or its process has executed another program,
    /// whose memory the addresses do not mean.</summary>
    internal bool IsWaiting => _listener.IsWaiting(_call.Id);

    /// <summary>Gets a value indicating whether a process that has no agent yet is to be given one. If not, there is nothing to do there.</summary>
    internal abstract bool WantsAgent { get; }

    /// <summary>Carries the call out, while the agent does nothing else.</summary>
    internal abstract Errno Serve(AddressSpace space);

    /// <summary>Answers the call.</summary>
    /// <param name="errno">What became of it; ENOSYS: it was not carried out.</param>
    internal abstract void Finish(Errno errno);

    /// <summary>Lets the caller make the call again, after its thread was stopped.</summary>
    internal abstract StoppedCall Repeat();

    /// <summary>Makes the call again as it is.</summary>
    /// <param name="passes">Whether the kernel carries it out where the thread cannot be stopped; if not it fails with ENOSYS.</param>
    protected RepeatedCall Repeat(bool passes) => new(_listener, _call) { Passes = passes };

    /// <summary>Gives the caller a result.</summary>
    protected void Answer(Errno errno) => _ = _listener.Answer(_call.Id, -(long)errno); // false: the caller was killed

    /// <summary>Lets the kernel carry the call out.</summary>
    protected void LetPass() => _ = _listener.LetPass(_call.Id); // false: the caller was killed
}
