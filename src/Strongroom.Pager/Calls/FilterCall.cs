using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Calls;

/// <summary>A program puts itself behind a seccomp filter: seccomp(2). An agent that is made after that would be behind it too, and most
/// filters forbid what it does, so the process gets its agent before the kernel carries the call out.</summary>
internal sealed class FilterCall : MemoryCall
{
    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process.</param>
    internal FilterCall(SeccompListener listener, WaitingCall call, int processId)
        : base(listener, call, processId, passes: true)
    {
    }

    internal override Errno Serve(AddressSpace space) => Errno.None;
}
