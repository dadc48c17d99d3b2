using System;
using System.Diagnostics;

namespace Strongroom.Pager;

/// <summary>Keeps faults waiting while sealing is behind, but none for ever: after so long each memory has one look at what it was asked.</summary>
/// <remarks>Without an end, memory that is filled faster than it is sealed would keep all others of the tree waiting; and where a target's agent
/// itself waits for a page, it would seem to have died.</remarks>
internal sealed class FaultGate
{
    private readonly long _patience;
    private long _closedSince; // 0: open

    /// <summary>Makes an open gate.</summary>
    /// <param name="patience">How long it may stay closed.</param>
    internal FaultGate(TimeSpan patience)
    {
        _patience = (long)(patience.TotalSeconds * Stopwatch.Frequency);
    }

    /// <summary>Gets a value indicating whether each memory may have one look in this round, although the gate is closed.</summary>
    internal bool IsAjar { get; private set; }

    /// <summary>Begins a round: one look at every memory that was asked for something.</summary>
    /// <param name="now">The <see cref="Stopwatch"/> time.</param>
    internal void BeginRound(long now)
    {
        IsAjar = _closedSince != 0 && now - _closedSince >= _patience;
        _closedSince = IsAjar ? now : _closedSince;
    }

    /// <summary>Sealing is not behind.</summary>
    internal void Open() => _closedSince = 0;

    /// <summary>Sealing is behind.</summary>
    /// <param name="now">The <see cref="Stopwatch"/> time.</param>
    internal void Close(long now) => _closedSince = _closedSince == 0 ? now : _closedSince;
}
