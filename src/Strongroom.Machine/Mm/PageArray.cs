using System;

namespace Strongroom.Machine.Mm;

/// <summary>Where a frame is in its life.</summary>
/// <remarks>
/// <code>
/// Absent -> Reserved (hot-add) -> Buddy -> PerCpu -> Used -> Buddy | PerCpu | Pooled
///                                   ^----- Pooled (rebalancing, after a flush)
/// Used -> Isolated -> Absent   (hot-remove, after migration)
/// </code>
/// </remarks>
internal enum FrameState : byte
{
    /// <summary>No memory is plugged in here.</summary>
    Absent,

    /// <summary>Plugged in but not given to the allocator.</summary>
    Reserved,

    /// <summary>Free, in a buddy list; <c>Order</c> is that of its block if it is the first frame.</summary>
    Buddy,

    /// <summary>Free, in the list of one CPU.</summary>
    PerCpu,

    /// <summary>Free, in the pool of one KeyID; caches may hold it under that KeyID.</summary>
    Pooled,

    /// <summary>Handed out.</summary>
    Used,

    /// <summary>Set aside while its section goes offline.</summary>
    Isolated,
}

/// <summary>What the kernel knows of every frame: struct page and page_ext, as arrays.</summary>
/// <remarks>
/// 27 bytes a frame. page_ext's KeyID means, by flush policy: the KeyID in force (0 for every free frame), or the last
/// one. Thread safety: none. Source: Linux RFC "x86/mm: Implement page_keyid() using page_ext".
/// </remarks>
internal sealed class PageArray
{
    /// <summary>The order of a frame that is not the first of any block.</summary>
    internal const byte NoBlock = byte.MaxValue;

    /// <summary>Makes the array; every frame is absent.</summary>
    /// <param name="frames">Frames that could ever be plugged in.</param>
    internal PageArray(int frames)
    {
        Count = frames;
        State = new FrameState[frames];
        Order = new byte[frames];
        Array.Fill(Order, NoBlock);
        Next = new int[frames];
        Array.Fill(Next, -1);
        Previous = new int[frames];
        Array.Fill(Previous, -1);
        References = new int[frames];
        KeyId = new ushort[frames];
        Flags = new PageFlags[frames];
        Rmap = new int[frames];
        Array.Fill(Rmap, -1);
        Zone = new byte[frames];
    }

    /// <summary>Gets the number of frames.</summary>
    internal int Count { get; }

    /// <summary>Gets the state of each frame.</summary>
    internal FrameState[] State { get; }

    /// <summary>Gets the order of the block that starts at each frame, free or used.</summary>
    internal byte[] Order { get; }

    /// <summary>Gets the next frame in a free list, or -1.</summary>
    internal int[] Next { get; }

    /// <summary>Gets the previous frame in a free list, or -1.</summary>
    internal int[] Previous { get; }

    /// <summary>Gets the references to each used frame: one for each mapping and each pin.</summary>
    internal int[] References { get; }

    /// <summary>Gets the KeyID of each frame (page_ext).</summary>
    internal ushort[] KeyId { get; }

    /// <summary>Gets the flags of each used frame.</summary>
    internal PageFlags[] Flags { get; }

    /// <summary>Gets the first entry of each frame's reverse map, or -1.</summary>
    internal int[] Rmap { get; }

    /// <summary>Gets the zone of each frame.</summary>
    internal byte[] Zone { get; }
}

/// <summary>Flags of a used frame.</summary>
[Flags]
internal enum PageFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Anonymous memory of a process.</summary>
    Anonymous = 1,

    /// <summary>Can be migrated.</summary>
    Movable = 2,

    /// <summary>Merged by KSM: shared read-only by mappings that never were related.</summary>
    Ksm = 4,

    /// <summary>Taken out of the direct map.</summary>
    OffDirectMap = 8,

    /// <summary>Never reclaimed or migrated (mlock, secret memory).</summary>
    Unevictable = 16,

    /// <summary>The first frame of a huge page.</summary>
    HugeHead = 32,

    /// <summary>A further frame of a huge page.</summary>
    HugeTail = 64,
}
