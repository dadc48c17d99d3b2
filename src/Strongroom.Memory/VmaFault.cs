namespace Strongroom.Memory;

/// <summary>Faults that the modelled machine can seed into the rules of VMAs, to see its testers find them (docs/mutants.md).</summary>
/// <remarks>They are in the rules themselves, so that a build cannot drift away from them. Only code that sees internals can seed
/// one; each costs a comparison in calls that already look VMAs up.</remarks>
internal enum VmaFault
{
    /// <summary>The rules as they should be.</summary>
    None,

    /// <summary>Neighbours merge although their KeyIDs differ.</summary>
    MergeIgnoresKeyId,

    /// <summary>Neighbours merge although their protections differ.</summary>
    MergeIgnoresProtection,

    /// <summary>encrypt_mprotect compares neighbours with the KeyID from before, as the reference code does.</summary>
    MergeByOldKeyId,

    /// <summary>Neighbours that agree stay two.</summary>
    MergeNever,

    /// <summary>What is left of a split VMA has KeyID 0.</summary>
    SplitDropsKeyId,

    /// <summary>What is left of a split VMA takes no reference.</summary>
    SplitSkipsReference,

    /// <summary>A child's VMAs have KeyID 0.</summary>
    ForkDropsKeyId,

    /// <summary>A child's VMAs take no references.</summary>
    ForkSkipsReference,

    /// <summary>A VMA that moves loses its KeyID.</summary>
    RemapDropsKeyId,

    /// <summary>A VMA that moves keeps the reference of its old place too.</summary>
    RemapKeepsReference,

    /// <summary>mprotect makes the KeyID 0.</summary>
    ProtectDropsKeyId,

    /// <summary>munmap keeps the VMA's reference.</summary>
    UnmapKeepsReference,

    /// <summary>A VMA that changes its key keeps the reference of the old one.</summary>
    KeyChangeKeepsReference,

    /// <summary>encrypt_mprotect with nothing to change empties the memory.</summary>
    KeyNoOpDiscards,

    /// <summary>encrypt_mprotect takes what is not anonymous.</summary>
    KeyOnAnyBacking,
}
