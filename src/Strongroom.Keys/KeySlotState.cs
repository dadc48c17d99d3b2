namespace Strongroom.Keys;

/// <summary>Where a KeyID slot is in its life.</summary>
/// <remarks>
/// <para>A slot is held by references of three kinds: the key itself, every VMA that carries its KeyID, and every 4 KiB
/// page under it, for a pinned page may outlive its VMA (patches 45/59 and 05/59 of the July 2019 series).</para>
/// <code>
///   Available --reserved--> Assigned --key destroyed--> Killed --last reference--> Released --cleared--> Available
///                              |                                                      ^
///                              +------key destroyed, which was the last reference------+
/// </code>
/// <list type="bullet">
/// <item>Available: no reference, nothing programmed; the lowest available number is the next to be given out.</item>
/// <item>Assigned: the key holds one reference; VMAs and pages may be added.</item>
/// <item>Killed: nobody can name the key any more, so no VMA can newly get it, but what has it goes on working; forks,
/// splits and new pages of such VMAs still add references.</item>
/// <item>Released: the count has reached zero and never rises again; the slot waits for its ClearKey.</item>
/// </list>
/// No other transition exists. A slot whose programming fails goes from Assigned through Released like any other, so
/// that a target which took the key forgets it. Kernel names: KEYID_AVAILABLE, KEYID_ASSIGNED, KEYID_REF_KILLED,
/// KEYID_REF_RELEASED.
/// </remarks>
public enum KeySlotState
{
    /// <summary>Free.</summary>
    Available,

    /// <summary>A key owns it.</summary>
    Assigned,

    /// <summary>Its key is gone; VMAs or pages still use it.</summary>
    Killed,

    /// <summary>Nothing uses it; it is about to be cleared.</summary>
    Released,
}

/// <summary>The references that hold one slot.</summary>
public readonly struct KeySlotReferences
{
    internal KeySlotReferences(bool isHeldByKey, int vmaCount, long pageCount)
    {
        IsHeldByKey = isHeldByKey;
        VmaCount = vmaCount;
        PageCount = pageCount;
    }

    /// <summary>Gets a value indicating whether the key itself still exists.</summary>
    public bool IsHeldByKey { get; }

    /// <summary>Gets the number of VMAs that carry the KeyID.</summary>
    public int VmaCount { get; }

    /// <summary>Gets the number of 4 KiB pages stored under it.</summary>
    public long PageCount { get; }

    /// <summary>Gets the sum of all three, as the series counts.</summary>
    public long Total => (IsHeldByKey ? 1 : 0) + VmaCount + PageCount;
}
