using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>A system call of a target that is answered after something was done in the calling thread itself: calls with its own
/// credentials and keyrings, or the start of its agent.</summary>
/// <remarks>
/// The thread waits in the kernel, where only SIGKILL reaches it. It is asked to stop, and its wait is ended with the result that lets
/// the kernel make the call again; so it stops on its way out, and nothing of the program runs in between. Runs on the tracer thread.
/// </remarks>
internal abstract class StoppedCall
{
    private readonly SeccompListener _listener;
    private readonly ulong _id;

    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    protected StoppedCall(SeccompListener listener, WaitingCall call)
    {
        _listener = listener;
        _id = call.Id;
        ThreadId = call.ThreadId;
    }

    /// <summary>Gets the calling thread.</summary>
    internal int ThreadId { get; }

    /// <summary>Ends the thread's wait; a stop must be under way, or the program would see a result that is not for it.</summary>
    /// <returns>False: the caller is gone, and its number may belong to another already.</returns>
    internal bool EndWait() => _listener.Answer(_id, -SeccompListener.RestartAfterStop);

    /// <summary>Gets a value indicating whether the kernel carries the call out where the thread cannot be stopped; if not it fails with ENOSYS.</summary>
    internal bool Passes { get; init; }

    /// <summary>Ends the call where it is: the thread cannot be stopped.</summary>
    internal void Refuse() => _ = Passes ? _listener.LetPass(_id) : _listener.Answer(_id, -Libc.ENOSYS); // false: it is gone

    /// <summary>Gets a value indicating whether there are calls to be made; if not, the thread makes its call again.</summary>
    internal virtual bool HasCalls => false;

    /// <summary>Makes calls in the stopped thread.</summary>
    /// <param name="injector">Begun; ended by the caller.</param>
    /// <returns>The result of the call; null when the thread is to make it again.</returns>
    internal virtual long? Run(Injector injector) => null;

    /// <summary>Hears that the thread ended before it stopped.</summary>
    internal virtual void Abandon()
    {
    }
}

/// <summary>A call that is made again after its thread was stopped.</summary>
internal sealed class RepeatedCall : StoppedCall
{
    /// <summary>Notes a call.</summary>
    internal RepeatedCall(SeccompListener listener, WaitingCall call)
        : base(listener, call)
    {
    }
}
