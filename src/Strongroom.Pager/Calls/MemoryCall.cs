using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>A call that changes what is covered of a process's memory. Carried out by the pager thread.</summary>
internal abstract class MemoryCall
{
    private readonly SeccompListener _listener;
    private readonly WaitingCall _call;
    private readonly bool _passes;

    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process.</param>
    /// <param name="passes">Whether the kernel carries it out in the end; if not it is answered.</param>
    protected MemoryCall(SeccompListener listener, WaitingCall call, int processId, bool passes)
    {
        _passes = passes;
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
    internal virtual bool WantsAgent => true;

    /// <summary>Carries the call out, while the agent does nothing else.</summary>
    internal abstract Errno Serve(AddressSpace space);

    /// <summary>Ends the caller's wait.</summary>
    /// <param name="errno">What an answer says; ENOSYS: it was not carried out. A call that passes is answered with other errors only.</param>
    internal virtual void Finish(Errno errno) => _ = _passes && errno is Errno.None or Errno.ENOSYS
        ? _listener.LetPass(_call.Id)
        : _listener.Answer(_call.Id, -(long)errno); // false: the caller was killed

    /// <summary>Lets the caller make the call again, after its thread was stopped.</summary>
    internal virtual StoppedCall Repeat() => new RepeatedCall(_listener, _call) { Passes = _passes };
}
