using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>A call that gives memory a key: encrypt_mprotect or its split form.</summary>
internal sealed class EncryptCall : MemoryCall, IDisposable
{
    private readonly KeyHold _hold;

    /// <summary>Notes a call whose key was found.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process.</param>
    /// <param name="hold">Keeps the key; owned from here on.</param>
    /// <param name="domain">What its slot holds.</param>
    internal EncryptCall(SeccompListener listener, WaitingCall call, int processId, KeyHold hold, KeyDomain domain)
        : base(listener, call, processId, passes: false)
    {
        _hold = hold;
        Domain = domain;
    }

    /// <summary>Gets the key.</summary>
    internal KeyDomain Domain { get; }

    /// <summary>Gets the first address.</summary>
    internal required VirtualAddress Address { get; init; }

    /// <summary>Gets the length in bytes.</summary>
    internal required ulong LengthBytes { get; init; }

    /// <summary>Gets the protection; null leaves it.</summary>
    internal required ProtectionRequest? Protection { get; init; }

    /// <summary>Gets what becomes of the contents.</summary>
    internal required KeyChangeData Data { get; init; }

    internal override Errno Serve(AddressSpace space) => space.ChangeKeys(this);

    internal override void Finish(Errno errno)
    {
        _hold.Dispose();
        base.Finish(errno);
    }

    internal override StoppedCall Repeat()
    {
        _hold.Dispose();
        return base.Repeat();
    }

    /// <summary>Lets go of the key without an answer: the run is over.</summary>
    public void Dispose() => _hold.Dispose();
}
