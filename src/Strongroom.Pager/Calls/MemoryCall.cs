using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>A call that gives memory a key: encrypt_mprotect or its split form. Carried out by the pager thread.</summary>
internal sealed class MemoryCall : IDisposable
{
    private readonly SeccompListener _listener;
    private readonly WaitingCall _call;
    private readonly KeyHold _hold;

    /// <summary>Notes a call whose key was found.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process.</param>
    /// <param name="hold">Keeps the key; owned from here on.</param>
    /// <param name="domain">What its slot holds.</param>
    internal MemoryCall(SeccompListener listener, WaitingCall call, int processId, KeyHold hold, KeyDomain domain)
    {
        _listener = listener;
        _call = call;
        ProcessId = processId;
        _hold = hold;
        Domain = domain;
    }

    /// <summary>Gets the caller's process.</summary>
    internal int ProcessId { get; }

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

    /// <summary>Gets a value indicating whether the caller still waits. If not, it was killed, or its process has executed another program,
    /// whose memory the addresses do not mean.</summary>
    internal bool IsWaiting => _listener.IsWaiting(_call.Id);

    /// <summary>Answers the call.</summary>
    internal void Finish(Errno errno)
    {
        _hold.Dispose();
        _ = _listener.Answer(_call.Id, -(long)errno); // false: the caller was killed
    }

    /// <summary>Lets the caller make the call again, after its thread was stopped.</summary>
    internal StoppedCall Repeat()
    {
        _hold.Dispose();
        return new RepeatedCall(_listener, _call);
    }

    /// <summary>Lets go of the key without an answer: the run is over.</summary>
    public void Dispose() => _hold.Dispose();
}
