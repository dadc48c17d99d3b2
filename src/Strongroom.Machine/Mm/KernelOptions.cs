using System;
using Strongroom.Keys;

namespace Strongroom.Machine.Mm;

/// <summary>The flush policies.</summary>
internal enum PolicyKind
{
    /// <summary>Flush on allocation and on free.</summary>
    AllocateAndFree,

    /// <summary>Flush on allocation when the last KeyID differs.</summary>
    LastKeyId,

    /// <summary>A wrapper over an allocator that knows nothing of keys.</summary>
    Wrapper,

    /// <summary>Pools of free pages, one for each KeyID.</summary>
    Pools,
}

/// <summary>What a read of untouched memory in an encrypted VMA maps.</summary>
internal enum ZeroPageRule
{
    /// <summary>The shared zero page with the KeyID bits stripped from the entry (the 2019 series).</summary>
    StripKeyId,

    /// <summary>A page of its own: no zero page in encrypted VMAs (version 5, 2018).</summary>
    NotInEncrypted,
}

/// <summary>What becomes of memory that is plugged in while keys are enabled.</summary>
internal enum MemoryHotplugRule
{
    /// <summary>Refused while MKTME is enabled, keys or not (the 59 patches).</summary>
    Refuse,

    /// <summary>Accepted when every controller can still be programmed (the 62 patches).</summary>
    AcceptIfSafe,
}

/// <summary>How swapped pages are stored.</summary>
internal enum SwapRule
{
    /// <summary>As plaintext: no series changed swap, and the kernel reads pages through their own KeyID.</summary>
    Plaintext,

    /// <summary>Under a key of the swap area's own, which no series proposed.</summary>
    Encrypted,
}

/// <summary>How the modelled kernel is built and booted.</summary>
internal sealed record KernelOptions
{
    /// <summary>Gets the flush policy.</summary>
    internal PolicyKind Policy { get; init; } = PolicyKind.AllocateAndFree;

    /// <summary>Gets the most pages in the pool of one KeyID and node.</summary>
    internal int PoolCapPerKeyId { get; init; } = 1024;

    /// <summary>Gets the most pages in all pools.</summary>
    internal int PoolCapTotal { get; init; } = 4096;

    /// <summary>Gets the zero page rule.</summary>
    internal ZeroPageRule ZeroPage { get; init; } = ZeroPageRule.StripKeyId;

    /// <summary>Gets the rule for memory hotplug.</summary>
    internal MemoryHotplugRule MemoryHotplug { get; init; } = MemoryHotplugRule.Refuse;

    /// <summary>Gets how swapped pages are stored.</summary>
    internal SwapRule Swap { get; init; } = SwapRule.Plaintext;

    /// <summary>Gets the pages of the swap area.</summary>
    internal int SwapPages { get; init; } = 1024;

    /// <summary>Gets a value indicating whether faults in VMAs that want huge pages get one at once.</summary>
    internal bool TransparentHugePages { get; init; } = true;

    /// <summary>Gets the most VMAs of a process; vm.max_map_count.</summary>
    internal int MaxVmaCount { get; init; } = 65530;

    /// <summary>Gets the direct maps' layout.</summary>
    internal DirectMapShape DirectMap { get; init; } = new();

    /// <summary>Gets the allocator's list sizes and zone borders.</summary>
    internal AllocatorLimits Allocator { get; init; } = new();

    /// <summary>Gets what firmware says.</summary>
    internal FirmwareFacts Firmware { get; init; } = new();

    /// <summary>Gets whose rules the key service follows.</summary>
    internal KeyApiVersion Api { get; init; } = KeyApiVersion.Union;

    /// <summary>Gets how long revoked and expired keys stay; /proc/sys/kernel/keys/gc_delay, 0 in tests of the series.</summary>
    internal TimeSpan GarbageDelay { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// Gets where the payloads of user-type keys are kept for packages that come later (mktme_storekeys), or null.
    /// </summary>
    internal IKeyFieldStore? FieldStore { get; init; }

    /// <summary>Gets the kernel's command line; "secretmem=SIZE" is looked for, the rest is somebody else's.</summary>
    internal string CommandLine { get; init; } = "";

    /// <summary>Gets the seeded fault.</summary>
    internal Mutant Mutant { get; init; }
}
