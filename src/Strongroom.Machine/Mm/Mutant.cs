using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>
/// Faults that can be seeded into the model's kernel: each leaves one duty undone or does it to the wrong thing.
/// </summary>
/// <remarks>
/// They are the mutation gate: the random tester or the explorer must find every one (docs/mutants.md lists which), or
/// the testers are too weak. They are in the code itself, not patched in, so that a build cannot drift away from them;
/// each costs one comparison.
/// </remarks>
internal enum Mutant
{
    /// <summary>The kernel as it should be.</summary>
    None,

    /// <summary>A page gets a KeyID without a flush of its KeyID-0 lines.</summary>
    SkipFlushOnAllocate,

    /// <summary>A page loses its KeyID without a flush of its keyed lines.</summary>
    SkipFlushOnFree,

    /// <summary>The flush on allocation goes through the new KeyID instead of KeyID 0.</summary>
    FlushNewAliasOnAllocate,

    /// <summary>The flush on free goes through KeyID 0 instead of the page's KeyID.</summary>
    FlushPlatformAliasOnFree,

    /// <summary>The flush on allocation stops after half of the lines.</summary>
    FlushHalfOnAllocate,

    /// <summary>The flush on free stops after half of the lines.</summary>
    FlushHalfOnFree,

    /// <summary>Of a larger block only the first page is flushed on free.</summary>
    FlushFirstPageOfBlock,

    /// <summary>A page is zeroed under KeyID 0 before its KeyID is set.</summary>
    ZeroBeforeKeyId,

    /// <summary>A zeroed page was asked for and is not zeroed.</summary>
    SkipZero,

    /// <summary>page_ext keeps the KeyID of a page that went back to the free lists.</summary>
    KeepKeyIdOnFree,

    /// <summary>page_ext is not set when a page gets its KeyID.</summary>
    SkipPageExt,

    /// <summary>A page under a KeyID takes no reference to its slot.</summary>
    SkipPageReference,

    /// <summary>A page that loses its KeyID keeps its reference to the slot.</summary>
    SkipPageUnreference,

    /// <summary>A block takes one reference instead of one for each page.</summary>
    OneReferencePerBlock,

    /// <summary>Last-KeyID policy: the KeyID of an allocation is not recorded.</summary>
    LastKeyIdNotRecorded,

    /// <summary>Last-KeyID policy: the flush goes through the new KeyID instead of the last one.</summary>
    LastKeyIdFlushesNew,

    /// <summary>Last-KeyID policy: every flush is left out.</summary>
    LastKeyIdAlwaysElides,

    /// <summary>Last-KeyID policy: a block is judged by its first page.</summary>
    LastKeyIdOfFirstPage,

    /// <summary>Last-KeyID policy: a page that goes to KeyID 0 is not flushed.</summary>
    LastKeyIdIgnoresPlatform,

    /// <summary>Pools: a page is taken from the pool of another KeyID without a flush.</summary>
    PoolServesOtherKeyId,

    /// <summary>Pools: a page goes from a pool to the free lists without a flush.</summary>
    PoolShrinksWithoutFlush,

    /// <summary>Pools: a KeyID is cleared while its pool still holds pages with lines in caches.</summary>
    PoolNotDrainedOnRetire,

    /// <summary>A KeyID slot is programmed anew without caches being written back.</summary>
    SkipFlushOnRetire,

    /// <summary>A KeyID slot is programmed anew while pages still use it.</summary>
    RetireInUse,

    /// <summary>A key is programmed on the first package only.</summary>
    ProgramFirstPackageOnly,

    /// <summary>Changing protection drops the KeyID bits of an entry.</summary>
    ModifyDropsKeyId,

    /// <summary>The shared zero page is mapped with the VMA's KeyID.</summary>
    ZeroPageWithKeyId,

    /// <summary>KSM merges pages of different KeyIDs.</summary>
    KsmIgnoresKeyId,

    /// <summary>Migration allocates the new page under KeyID 0.</summary>
    MigrateToPlatformKey,

    /// <summary>A copy-on-write page is allocated under KeyID 0.</summary>
    CopyOnWriteToPlatformKey,

    /// <summary>A copy reads its source through KeyID 0.</summary>
    CopyReadsPlatformAlias,

    /// <summary>khugepaged allocates the huge page under KeyID 0 and maps it with the VMA's.</summary>
    CollapseWithoutKeyId,

    /// <summary>Swap-in allocates the page under KeyID 0.</summary>
    SwapInToPlatformKey,

    /// <summary>Changing the KeyID of a VMA leaves its pages mapped.</summary>
    SkipZapOnKeyIdChange,

    /// <summary>An entry is changed without a TLB shootdown on other CPUs.</summary>
    SkipTlbShootdown,

    /// <summary>fork maps the child's entries writable.</summary>
    ForkLeavesWritable,

    /// <summary>Per-KeyID direct maps are not synchronized after the canonical one changed.</summary>
    SkipDirectMapSync,

    /// <summary>__pa does not mask, so an address in a KeyID's map gives a wrong frame.</summary>
    SkipPhysicalMask,

    /// <summary>A direct map is as large as memory, not the power of two above it.</summary>
    DirectMapNotPowerOfTwo,

    /// <summary>A table that a split makes in a KeyID's map gets the entries that changed only.</summary>
    DirectMapSyncsRangeOnly,

    /// <summary>A free block that is split loses its upper half.</summary>
    BuddySplitLosesHalf,

    /// <summary>A freed frame forms a block with a buddy that is in a CPU's list.</summary>
    BuddyMergesCpuList,

    /// <summary>A frame that leaves a CPU's list goes nowhere.</summary>
    DrainLosesFrame,

    /// <summary>A frame that goes into a pool is not counted there.</summary>
    PoolForgetsCount,

    /// <summary>A frame that a pool gives up goes nowhere.</summary>
    PoolLosesFrame,

    /// <summary>Secret memory is taken from the direct map without a TLB flush.</summary>
    SecretSkipsTlbFlush,

    /// <summary>Secret memory goes back to the free lists before it is cleared.</summary>
    SecretSkipsClear,

    /// <summary>DMA goes through KeyID 0 whatever the page's KeyID is.</summary>
    DmaIgnoresKeyId,

    /// <summary>A page that came back from a pool holds what its last owner wrote.</summary>
    PoolSkipsZero,

    /// <summary>VMAs with different KeyIDs merge.</summary>
    VmaMergeIgnoresKeyId = Mutants.FirstOfVmas + VmaFault.MergeIgnoresKeyId,

    /// <summary>VMAs with different protections merge.</summary>
    VmaMergeIgnoresProtection = Mutants.FirstOfVmas + VmaFault.MergeIgnoresProtection,

    /// <summary>encrypt_mprotect merges by the KeyID from before, as the reference code did.</summary>
    VmaMergeByOldKeyId = Mutants.FirstOfVmas + VmaFault.MergeByOldKeyId,

    /// <summary>VMAs that agree do not merge.</summary>
    VmaMergeNever = Mutants.FirstOfVmas + VmaFault.MergeNever,

    /// <summary>What is left of a split VMA has KeyID 0.</summary>
    VmaSplitDropsKeyId = Mutants.FirstOfVmas + VmaFault.SplitDropsKeyId,

    /// <summary>What is left of a split VMA takes no reference to its slot.</summary>
    VmaSplitSkipsReference = Mutants.FirstOfVmas + VmaFault.SplitSkipsReference,

    /// <summary>A child's VMAs have KeyID 0.</summary>
    VmaForkDropsKeyId = Mutants.FirstOfVmas + VmaFault.ForkDropsKeyId,

    /// <summary>A child's VMAs take no references.</summary>
    VmaForkSkipsReference = Mutants.FirstOfVmas + VmaFault.ForkSkipsReference,

    /// <summary>mremap loses the KeyID.</summary>
    VmaRemapDropsKeyId = Mutants.FirstOfVmas + VmaFault.RemapDropsKeyId,

    /// <summary>mremap keeps the reference of the old place.</summary>
    VmaRemapKeepsReference = Mutants.FirstOfVmas + VmaFault.RemapKeepsReference,

    /// <summary>mprotect makes the KeyID of a VMA 0.</summary>
    VmaProtectDropsKeyId = Mutants.FirstOfVmas + VmaFault.ProtectDropsKeyId,

    /// <summary>munmap keeps the VMA's reference.</summary>
    VmaUnmapKeepsReference = Mutants.FirstOfVmas + VmaFault.UnmapKeepsReference,

    /// <summary>A VMA that changes its key keeps the reference of the old one.</summary>
    VmaKeyChangeKeepsReference = Mutants.FirstOfVmas + VmaFault.KeyChangeKeepsReference,

    /// <summary>encrypt_mprotect with nothing to change empties the memory.</summary>
    VmaKeyNoOpDiscards = Mutants.FirstOfVmas + VmaFault.KeyNoOpDiscards,

    /// <summary>encrypt_mprotect takes memory that is not anonymous.</summary>
    VmaKeyOnAnyBacking = Mutants.FirstOfVmas + VmaFault.KeyOnAnyBacking,
}

/// <summary>Sorts seeded faults by where they are seeded.</summary>
internal static class Mutants
{
    /// <summary>The number below those of faults in the rules of VMAs, which are seeded in Strongroom.Memory.</summary>
    internal const int FirstOfVmas = 1000;

    /// <summary>Gets what a fault is in the rules of VMAs.</summary>
    internal static VmaFault InVmas(this Mutant mutant) =>
        (int)mutant > FirstOfVmas ? (VmaFault)((int)mutant - FirstOfVmas) : VmaFault.None;
}
