namespace Strongroom.Machine.Hardware;

/// <summary>Bits of a page-table entry, and the edits that keep or strip its KeyID.</summary>
/// <remarks>The drawing is at <see cref="PhysicalLayout"/>. Source: Intel SDM vol. 3, 4-level paging; Linux
/// pgtable_types.h.</remarks>
internal static class Pte
{
    /// <summary>P: the entry maps something.</summary>
    internal const ulong Present = 1;

    /// <summary>R/W.</summary>
    internal const ulong Writable = 1 << 1;

    /// <summary>U/S.</summary>
    internal const ulong User = 1 << 2;

    /// <summary>PWT and PCD together: uncacheable.</summary>
    internal const ulong Uncached = (1 << 3) | (1 << 4);

    /// <summary>A: set by the walker.</summary>
    internal const ulong Accessed = 1 << 5;

    /// <summary>D: set by the walker on a store.</summary>
    internal const ulong Dirty = 1 << 6;

    /// <summary>PS: this entry maps 2 MiB or 1 GiB.</summary>
    internal const ulong Large = 1 << 7;

    /// <summary>G: survives a change of address space.</summary>
    internal const ulong Global = 1 << 8;

    /// <summary>Software bit: no struct page stands behind this entry (pte_special), so it cannot be pinned.</summary>
    internal const ulong Special = 1 << 9;

    /// <summary>NX.</summary>
    internal const ulong NoExecute = 1ul << 63;

    /// <summary>The swap marker: not present, but not empty either.</summary>
    internal const ulong Swap = 1 << 10;

    /// <summary>Makes an entry.</summary>
    internal static ulong Make(PhysicalLayout layout, int frame, ushort keyId, ulong flags) =>
        ((ulong)frame << 12) | ((ulong)keyId << layout.KeyIdShift) | flags;

    /// <summary>Gets the frame of an entry: KeyID bits masked out (pte_pfn).</summary>
    internal static int Frame(PhysicalLayout layout, ulong pte) => (int)((pte & layout.FrameMask) >> 12);

    /// <summary>
    /// Changes the protection of an entry and keeps frame, KeyID, accessed and dirty (pte_modify, _PAGE_CHG_MASK).
    /// </summary>
    internal static ulong Modify(PhysicalLayout layout, ulong pte, ulong newProtection)
    {
        ulong kept = layout.FrameMask | layout.KeyIdMask | Present | Accessed | Dirty | Special | Large | Uncached;
        return (pte & kept) | (newProtection & ~kept);
    }

    /// <summary>Strips the KeyID of an entry: for the shared zero page, which lives under KeyID 0.</summary>
    internal static ulong StripKeyId(PhysicalLayout layout, ulong pte) => pte & ~layout.KeyIdMask;
}
