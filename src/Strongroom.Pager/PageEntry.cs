namespace Strongroom.Pager;

/// <summary>What the pager knows of one page of a target.</summary>
/// <remarks>
/// <code>
///               scan finds it present            moved by the agent
///   Untracked ───────────────────────► Clear ──────────────────────► Limbo
///    ▲  ▲                               ▲ ▲                            │ │
///    │  └──── scan finds it gone ───────┤ │  fault: copied back        │ │
///    │        fault: zero-filled ──────►│ └────────────────────────────┘ │ encrypted,
///    │                                  │                                ▼ slot to be dropped
///    │                                  └── fault: decrypted ─── Sealed or SealedZero
///    └─ munmap, mremap away, madvise(DONTNEED) of what is not Clear: from every state
/// </code>
/// Untracked covers both a page never touched (reads as zero) and one present in memory that is not looked after: for a
/// missing-page fault the two are the same, the answer is a zero page. A Clear page that is <see cref="PageEntry.IsDoomed"/> is one
/// that a thread is about to drop (the kernel reports madvise before it acts): it must not be moved until the kernel has acted,
/// or its old contents would come back. It is reprieved when the pager sees that it is gone, or that no thread is in madvise.
/// </remarks>
internal enum PageState
{
    /// <summary>Nothing is known; a fault here is answered with zeros.</summary>
    Untracked = 0,

    /// <summary>Plaintext in the target; the value is the tick at which it was last known to be in use.</summary>
    Clear = 1,

    /// <summary>Plaintext in staging; the value is the slot.</summary>
    Limbo = 2,

    /// <summary>Ciphertext; the value is the frame.</summary>
    Sealed = 3,

    /// <summary>All bytes are zero; there is no frame.</summary>
    SealedZero = 4,
}

/// <summary>The state of one page, in 4 bytes: 3 bits of state, 1 bit doomed, 28 bits of value.</summary>
internal readonly struct PageEntry
{
    /// <summary>The largest value: 2^28 frames are 1 TiB under one key.</summary>
    internal const int MaxValue = (1 << 28) - 1;

    private readonly uint _bits;

    private PageEntry(uint bits)
    {
        _bits = bits;
    }

    /// <summary>Gets the state.</summary>
    internal PageState State => (PageState)(_bits >> 29);

    /// <summary>Gets the slot, frame or tick.</summary>
    internal int Value => (int)(_bits & MaxValue);

    /// <summary>Gets a value indicating whether the target asked to drop this Clear page and may not have done so yet.</summary>
    internal bool IsDoomed => (_bits & (1u << 28)) != 0;

    /// <summary>Gets a value indicating whether the contents live outside the target.</summary>
    internal bool IsSealed => State >= PageState.Sealed;

    /// <summary>The same Clear page, doomed or reprieved.</summary>
    internal PageEntry WithDoomed(bool isDoomed) => new(isDoomed ? _bits | (1u << 28) : _bits & ~(1u << 28));

    /// <summary>A page in the given state.</summary>
    /// <param name="state">The state.</param>
    /// <param name="value">0 to <see cref="MaxValue"/>.</param>
    internal static PageEntry Of(PageState state, int value = 0) => new(((uint)state << 29) | ((uint)value & MaxValue));
}
