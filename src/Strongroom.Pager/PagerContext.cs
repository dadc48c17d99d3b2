using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Secrets;

namespace Strongroom.Pager;

/// <summary>What the address spaces of one tree share. Guarded by: only the pager thread touches it.</summary>
internal sealed class PagerContext : IDisposable
{
    private readonly NativePages _zeros = NativePages.Map(BounceBuffer.Pages * PageNumber.SizeBytes);
    private volatile bool _mayWipeStaging;

    /// <summary>Makes the context of a run.</summary>
    internal PagerContext(RunOptions options, TimeSpan tickLength)
    {
        Options = options;
        WindowPages = options.WindowBytes >> PageNumber.Shift;
        if (Bounce.Protection != SecretProtection.MemfdSecret)
        {
            _ = Statistics.Remarks.Add(
                "The pager's keys and buffers are in locked memory, which root can read: memfd_secret is missing (boot with secretmem.enable=1).");
        }

        TickLength = tickLength;
        IdleTicks = (int)Math.Max(1, Math.Ceiling(options.Idle / tickLength));
        Pool = new FramePool(4 * IdleTicks); // what is used and left alone in turn finds its frames again
    }

    /// <summary>Gets the options.</summary>
    internal RunOptions Options { get; }

    /// <summary>Gets or sets the slots of the programs' own keys; null when they cannot make any.</summary>
    internal KeySlotTable? Slots { get; set; }

    /// <summary>Gets the files of secret memory that may own a key, by what the kernel calls them. Any thread.</summary>
    internal ConcurrentDictionary<VmaFile, KeyedFile> Files { get; } = [];

    /// <summary>Gets what stands in the upper half of a descriptor's argument when the pager itself has a target map a file. Immutable.</summary>
    internal uint MapPass { get; } = KernelRandom.NextUInt32();

    /// <summary>Gets the sixth argument, at which the kernel does not look, with which agents lend and register staging pages. Immutable.</summary>
    /// <remarks>A target can find it in its agent's messages: it lets pass nothing but a loan of pages that goes unseen, or a registration
    /// that the kernel refuses because the memory is covered.</remarks>
    internal ulong AgentPass { get; } = KernelRandom.NextUInt64();

    /// <summary>Gets the window in pages.</summary>
    internal long WindowPages { get; }

    /// <summary>Gets how long a tick is.</summary>
    internal TimeSpan TickLength { get; }

    /// <summary>Gets the idle time in ticks.</summary>
    internal int IdleTicks { get; }

    /// <summary>Gets or sets the time in ticks, from 1.</summary>
    internal int Tick { get; set; } = 1;

    /// <summary>Gets or sets the tick in which pages had to be sealed because the window was full.</summary>
    internal int WindowFullTick { get; set; } = -2;

    /// <summary>Gets a value indicating whether the window is or just was full, so that a page brought in drives another one out.</summary>
    internal bool IsWindowFull => Tick - WindowFullTick <= 1;

    /// <summary>Gets or sets a value indicating whether no program lends pages to the kernel, so that staging can be overwritten. Atomic.</summary>
    internal bool MayWipeStaging
    {
        get => _mayWipeStaging;
        set => _mayWipeStaging = value;
    }

    /// <summary>Gets where memory for frames comes from.</summary>
    internal FramePool Pool { get; }

    /// <summary>Gets the counts of the tree.</summary>
    internal PageCounts Counts { get; } = new(null);

    /// <summary>Gets the statistics.</summary>
    internal PagerStatistics Statistics { get; } = new();

    /// <summary>Gets the address spaces that a fork made and whose process is not known yet.</summary>
    internal List<AddressSpace> Orphans { get; } = [];

    /// <summary>Gets the buffer that all plaintext passes through.</summary>
    internal BounceBuffer Bounce { get; } = new();

    /// <summary>Gets zeros, as many as fit in the bounce buffer.</summary>
    internal ReadOnlySpan<byte> Zeros => _zeros.Span;

    /// <inheritdoc/>
    public void Dispose()
    {
        Bounce.Dispose();
        _zeros.Dispose();
        Pool.Dispose();
    }
}
