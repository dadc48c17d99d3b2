using System;

namespace Strongroom.Machine.Mm;

/// <summary>What an allocation may do and where its pages may lie. Source: Linux include/linux/gfp_types.h.</summary>
[Flags]
internal enum Gfp
{
    /// <summary>An unmovable page of the kernel, from a normal zone.</summary>
    Kernel = 0,

    /// <summary>__GFP_ZERO: the page is handed out full of zeros.</summary>
    Zero = 1,

    /// <summary>__GFP_MOVABLE: the page can be migrated, so it may lie in the movable zone.</summary>
    Movable = 2,

    /// <summary>__GFP_DMA32: only from the zone of low addresses.</summary>
    Dma32 = 4,

    /// <summary>__GFP_THISNODE: no other node will do.</summary>
    ThisNode = 8,

    /// <summary>GFP_ATOMIC: no reclaim or compaction, but the reserve below the low mark may be used.</summary>
    Atomic = 16,

    /// <summary>__GFP_NORETRY: no compaction or reclaim; the caller has a fallback.</summary>
    NoRetry = 32,

    /// <summary>GFP_HIGHUSER_MOVABLE: a page of a process.</summary>
    User = Movable,
}
