using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace Strongroom.Pager;

/// <summary>What a run counts. Guarded by: only the pager thread writes it; read after it has ended.</summary>
internal sealed class PagerStatistics
{
    /// <summary>Gets or sets pages encrypted.</summary>
    internal long SealedPages { get; set; }

    /// <summary>Gets where the time of sealing went.</summary>
    internal SealingTime Sealing { get; } = new();

    /// <summary>Gets or sets staging pages overwritten before they were freed.</summary>
    internal long WipedPages { get; set; }

    /// <summary>Gets or sets pages decrypted.</summary>
    internal long OpenedPages { get; set; }

    /// <summary>Gets or sets pages copied back from staging.</summary>
    internal long RescuedPages { get; set; }

    /// <summary>Gets or sets pages filled with zeros.</summary>
    internal long ZeroFilledPages { get; set; }

    /// <summary>Gets or sets faults answered.</summary>
    internal long Faults { get; set; }

    /// <summary>Gets or sets the managed memory that answering faults allocated; stays 0.</summary>
    internal long FaultAllocatedBytes { get; set; }

    /// <summary>Gets the time from reading a fault to waking its thread.</summary>
    internal LatencyHistogram FaultLatency { get; } = new();

    /// <summary>Gets clear bytes left alone, by reason, at the last look.</summary>
    internal Dictionary<string, long> UncoveredBytes { get; } = [];

    /// <summary>Gets what had to be ended and why, a sentence each.</summary>
    internal List<string> Killed { get; } = [];

    /// <summary>Gets what could not be covered, a sentence each.</summary>
    internal SortedSet<string> Remarks { get; } = new(StringComparer.Ordinal);
}

/// <summary>The pager's time for sealing by its parts, in <see cref="Stopwatch"/> ticks.</summary>
internal sealed class SealingTime
{
    /// <summary>Gets or sets the time for moving pages to staging: the agent's calls and the waiting for them.</summary>
    internal long Move { get; set; }

    /// <summary>Gets or sets the time for copying pages out of staging.</summary>
    internal long Read { get; set; }

    /// <summary>Gets or sets the time for encrypting and for finding pages of zeros.</summary>
    internal long Encrypt { get; set; }

    /// <summary>Gets or sets the time for wiping and dropping staging.</summary>
    internal long Drop { get; set; }
}

/// <summary>Counts times in buckets of 1/16 of their power of two: 6 % exact. Fixed size, allocates nothing.</summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 4;
    private static readonly double s_ticksInMicrosecond = Stopwatch.Frequency / 1e6;
    private readonly long[] _buckets = new long[64 << SubBits];
    private long _count;
    private long _max;

    /// <summary>Counts one time.</summary>
    /// <param name="ticks">Zero or more <see cref="Stopwatch"/> ticks.</param>
    internal void Add(long ticks)
    {
        _buckets[IndexOf(Math.Max(ticks, 0))]++;
        _count++;
        _max = Math.Max(_max, ticks);
    }

    /// <summary>Gets a quantile in microseconds; 0 when nothing was counted.</summary>
    /// <param name="fraction">0 to 1; 1 gives the exact largest.</param>
    internal double Quantile(double fraction)
    {
        long rank = (long)Math.Ceiling(_count * fraction);
        if (rank >= _count)
        {
            return _max / s_ticksInMicrosecond;
        }

        long seen = 0;
        for (int i = 0; i < _buckets.Length; i++)
        {
            seen += _buckets[i];
            if (seen >= rank && seen > 0)
            {
                return UpperEnd(i) / s_ticksInMicrosecond;
            }
        }

        return _max / s_ticksInMicrosecond;
    }

    private static int IndexOf(long value)
    {
        if (value < 1 << SubBits)
        {
            return (int)value;
        }

        int shift = 63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)value) - SubBits;
        return ((shift + 1) << SubBits) + (int)((value >> shift) - (1 << SubBits));
    }

    private static long UpperEnd(int index) => index < 1 << SubBits
        ? index
        : (((index & ((1 << SubBits) - 1)) + (1L << SubBits) + 1) << ((index >> SubBits) - 1)) - 1;
}
