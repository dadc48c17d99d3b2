using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>A call that a thread makes anew after a stop or a signal that its program need not know of, watched until it ends.</summary>
/// <remarks>
/// The thread waits in that call as it did in the first. It is let go with <see cref="Tracee.ContinueToCallStop"/>, so it stops at the call's
/// entry and at its exit, and is not watched any more then; a signal or a stop that ends the call anew comes after its exit.
/// Tracer thread only.
/// </remarks>
internal abstract class WatchedCall
{
    private bool _isInside;

    /// <summary>Notes a stop at the call.</summary>
    /// <returns>Itself at the entry; null at the exit.</returns>
    internal WatchedCall? HandleCallStop(int tid)
    {
        if (!_isInside)
        {
            _isInside = true;
            return this;
        }

        HandleExit(tid);
        return null;
    }

    /// <summary>Takes back what was done to a thread that has not begun the call: something else comes first.</summary>
    internal abstract void Abandon(int tid);

    /// <summary>Does what is to be done when the call has ended.</summary>
    protected abstract void HandleExit(int tid);
}
