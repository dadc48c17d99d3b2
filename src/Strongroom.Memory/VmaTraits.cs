using System;

namespace Strongroom.Memory;

/// <summary>What distinguishes VMAs besides protection, KeyID and backing. VMAs with different traits never
/// merge.</summary>
/// <remarks>Linux calls them flags. Each is one VM_ flag of include/linux/mm.h or an madvise(2) advice.</remarks>
[Flags]
public enum VmaTraits : ushort
{
    /// <summary>A plain mapping.</summary>
    None = 0,

    /// <summary>Grows downwards on a fault below it; a stack.</summary>
    GrowsDown = 1 << 0,

    /// <summary>Locked into memory.</summary>
    Locked = 1 << 1,

    /// <summary>Its pages may be merged with equal ones: MADV_MERGEABLE. Never across KeyIDs.</summary>
    Mergeable = 1 << 2,

    /// <summary>Huge pages wanted: MADV_HUGEPAGE.</summary>
    HugePage = 1 << 3,

    /// <summary>Huge pages refused: MADV_NOHUGEPAGE.</summary>
    NoHugePage = 1 << 4,

    /// <summary>A forked child does not get it: MADV_DONTFORK.</summary>
    DontFork = 1 << 5,

    /// <summary>A forked child gets it empty: MADV_WIPEONFORK.</summary>
    WipeOnFork = 1 << 6,

    /// <summary>Left out of core dumps: MADV_DONTDUMP.</summary>
    DontDump = 1 << 7,

    /// <summary>Faults are reported to user space: userfaultfd missing mode.</summary>
    FaultsMissing = 1 << 8,

    /// <summary>Faults are reported to user space: userfaultfd write-protect mode.</summary>
    FaultsWriteProtect = 1 << 9,

    /// <summary>Access is expected in order: MADV_SEQUENTIAL.</summary>
    Sequential = 1 << 10,

    /// <summary>Access is expected without order: MADV_RANDOM.</summary>
    Random = 1 << 11,
}
