using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Calls;

/// <summary>A program registers memory with a userfaultfd of its own: UFFDIO_REGISTER, ioctl_userfaultfd(2). The kernel allows a VMA one
/// (EBUSY), so what is covered is given up before the kernel carries the call out.</summary>
internal sealed class YieldCall : MemoryCall
{
    private readonly AddressRange _range;

    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process. (Of a userfaultfd that it had from another process, the kernel takes the range for
    /// that one's memory: that is not seen, and may fail with EBUSY.)</param>
    /// <param name="range">What it registers.</param>
    internal YieldCall(SeccompListener listener, WaitingCall call, int processId, AddressRange range)
        : base(listener, call, processId, passes: true) => _range = range;

    internal override bool WantsAgent => false;

    internal override Errno Serve(AddressSpace space)
    {
        space.Yield(_range);
        return Errno.None;
    }
}
