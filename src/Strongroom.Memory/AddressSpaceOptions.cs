using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>The limits of an address space.</summary>
public sealed class AddressSpaceOptions
{
    /// <summary>Gets the first address that may be mapped; vm.mmap_min_addr.</summary>
    public VirtualAddress Lowest { get; init; } = new(0x1_0000);

    /// <summary>Gets the end of the address space; TASK_SIZE of x86-64 with four levels of page tables.</summary>
    public VirtualAddress End { get; init; } = new(0x7fff_ffff_f000);

    /// <summary>Gets where mappings without a place are put, downwards from here.</summary>
    public VirtualAddress MapBase { get; init; } = new(0x7fff_f7ff_f000);

    /// <summary>Gets the most VMAs; vm.max_map_count.</summary>
    public int MaxVmaCount { get; init; } = 65530;

    /// <summary>Gets the seeded fault.</summary>
    internal VmaFault Fault { get; init; }
}

/// <summary>Counts of what an address space did.</summary>
public sealed class AddressSpaceCounters
{
    /// <summary>Gets how often a range was mapped.</summary>
    public long Maps { get; internal set; }

    /// <summary>Gets how often a range was unmapped.</summary>
    public long Unmaps { get; internal set; }

    /// <summary>Gets how often the protection of a piece of a VMA changed.</summary>
    public long ProtectionChanges { get; internal set; }

    /// <summary>Gets how often the KeyID of a piece of a VMA changed.</summary>
    public long KeyChanges { get; internal set; }

    /// <summary>Gets how often encrypt_mprotect found a piece of a VMA as it was asked for, and left it
    /// alone.</summary>
    public long KeyNoOps { get; internal set; }

    /// <summary>Gets how often a piece of a VMA lost its contents: to a change of key, or to advice.</summary>
    public long Zaps { get; internal set; }

    /// <summary>Gets how many pages those pieces had, present or not.</summary>
    public long PagesZapped { get; internal set; }

    /// <summary>Gets how often a range moved.</summary>
    public long Moves { get; internal set; }

    /// <summary>Gets how many VMAs came into being by splitting others.</summary>
    public long Splits { get; internal set; }

    /// <summary>Gets how many VMAs went into their neighbours.</summary>
    public long Merges { get; internal set; }
}
