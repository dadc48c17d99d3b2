using System;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>When to seal: what is idle, at every tick; what is more than the window, at once.</content>
internal sealed partial class PagerLoop
{
    private static readonly TimeSpan s_youth = TimeSpan.FromSeconds(1);

    private const int EvictAtOnce = 256;
    private const long WorthAttachingBytes = 64 << 10;
    private const long UrgentBytes = 1 << 20;
    private const long LeastSlackBytes = 1 << 20;
    private const double ManyForksInSecond = 10;
    private const int PatienceWithForks = 8;

    private long _unattachedBytes;
    private long _refusedBytes;
    private bool _wasWindowFull; // since the last tick
    private long _lastAccounted = Stopwatch.GetTimestamp();
    private long _lastProgress = Stopwatch.GetTimestamp();

    /// <summary>Gets the books of plaintext over time.</summary>
    internal ClearAccount Account { get; } = new();

    private long ClearBytes =>
        ((_context.Counts.Clear + _context.Counts.Limbo) << PageNumber.Shift) + _unattachedBytes;

    // What the window bounds. Evicting all of the others would not make up for a process that has to be left in clear.
    private long WindowedBytes => ClearBytes - _refusedBytes;

    private void Tick()
    {
        _context.Tick = 1 + (int)(Stopwatch.GetElapsedTime(_startedAt) / _context.TickLength);
        HandleNews(); // of what was not worth a wake-up
        _unattachedBytes = 0;
        _refusedBytes = 0;
        foreach (TargetMemory memory in _memories)
        {
            if (memory.Space is { Verdict: null, IsGone: false, Agent: not null } space)
            {
                LookAt(memory, space);
                CarryOutVerdict(memory);
            }
            else if (memory.Space is null && !memory.IsCondemned)
            {
                ConsiderAttaching(memory);
            }
        }

        LookAtFiles();
        _context.Pool.Trim();
        KeepAccounts();
    }

    private void LookAt(TargetMemory memory, AddressSpace space)
    {
        space.FollowVmas();
        space.Scan();
        if (!memory.IsQuiescePending && space.WantsQuiescence(out int epoch))
        {
            memory.IsQuiescePending = true;
            _tracer.Post(new QuiesceRequest(memory, epoch));
        }

        if (space.CanMove)
        {
            space.ProbeIdleRegions();
        }
    }

    // A process that dies young is never stopped; one that has little to hide neither.
    private void ConsiderAttaching(TargetMemory memory)
    {
        long bytes = Math.Max(0, ProcessTable.AnonymousBytes(memory.Pid));
        _unattachedBytes += bytes;
        _refusedBytes += memory.Refusal is null ? 0 : bytes;
        TimeSpan age = Stopwatch.GetElapsedTime(memory.BornAt);
        bool isOld = age >= YouthOf(memory);
        bool isUrgent = bytes >= UrgentBytes && WindowedBytes > _context.Options.WindowBytes;
        if (!memory.IsAttachPending && memory.Refusal is null && bytes >= WorthAttachingBytes && (isOld || isUrgent))
        {
            memory.IsAttachPending = true;
            _tracer.Post(new AttachRequest(memory, null, 0));
        }
    }

    // Each child that is forked by a target is held until it has an agent of its own, which takes longer than all that many a child does. So
    // a process that forks all the time, like a shell at work, is attached up to eight times as late.
    private TimeSpan YouthOf(TargetMemory memory)
    {
        memory.RecentForks *= Math.Max(0, 1 - _context.TickLength.TotalSeconds);
        TimeSpan youth = _context.Options.Idle < s_youth ? _context.Options.Idle : s_youth;
        return memory.RecentForks >= ManyForksInSecond ? youth * PatienceWithForks : youth;
    }

    // Opening a page takes a quarter of the time of sealing one, so a program that walks through its memory would leave the window behind.
    // Faults wait while more than that is in clear, but only as long as sealing goes on: what keeps it from going on may be an event
    // that has not been read. KeepWindow has been tried in this very tick, so that only what it achieved is waited for.
    private bool MustFaultsWait() =>
        WindowedBytes > _context.Options.WindowBytes + Math.Max(_context.Options.WindowBytes / 16, LeastSlackBytes)
        && _memories.Exists(static memory => memory.Space is { IsSealing: true });

    // True: something was sealed and more may have to be.
    private bool KeepWindow()
    {
        long tooMany = (WindowedBytes - _context.Options.WindowBytes) >> PageNumber.Shift;
        if (tooMany <= 0)
        {
            return false;
        }

        _context.WindowFullTick = _context.Tick;
        _wasWindowFull = true;

        // A little more than needed, so that the next fault does not begin it all again.
        int wanted = (int)Math.Min(tooMany + Math.Min(_context.WindowPages / 16, EvictAtOnce / 2), EvictAtOnce);
        while (LargestToEvict() is { } space)
        {
            if (space.Evict(wanted) > 0)
            {
                return true;
            }

            space.FutileTick = _context.Tick;
        }

        return false;
    }

    private AddressSpace? LargestToEvict()
    {
        AddressSpace? largest = null;
        foreach (TargetMemory memory in _memories)
        {
            if (memory.Space is { CanMove: true, HasWork: false } space && space.FutileTick != _context.Tick
                && (largest is null || space.Counts.Clear > largest.Counts.Clear))
            {
                largest = space;
            }
        }

        return largest;
    }

    private void KeepAccounts()
    {
        long now = Stopwatch.GetTimestamp();
        TimeSpan time = Stopwatch.GetElapsedTime(_lastAccounted, now);
        Account.Add(ClearBytes, _context.Counts.Sealed << PageNumber.Shift, MetadataBytes(), _wasWindowFull, time);
        _lastAccounted = now;
        foreach (TargetMemory memory in _memories)
        {
            if (memory.Space is { } space)
            {
                foreach ((string reason, long bytes) in space.UncoveredBytes)
                {
                    Account.AddUncovered(reason, bytes);
                }
            }
        }

        Account.AddUncovered(ClearReason.Unattached, _unattachedBytes);
        Account.EndTick();
        if (_context.Options.Progress is { } progress && Stopwatch.GetElapsedTime(_lastProgress) >= TimeSpan.FromSeconds(1))
        {
            _lastProgress = now;
            progress.Report(new(
                Stopwatch.GetElapsedTime(_startedAt),
                _tracer.LiveProcesses,
                ClearBytes,
                _context.Counts.Sealed << PageNumber.Shift,
                _context.Statistics.Faults,
                _wasWindowFull));
        }

        _wasWindowFull = false;
    }

    private long MetadataBytes()
    {
        long bytes = 0;
        foreach (TargetMemory memory in _memories)
        {
            bytes += memory.Space?.MetadataBytes ?? 0;
        }

        foreach (KeyDomain keys in _keys)
        {
            bytes += keys.IsDestroyed ? 0 : keys.Frames.MetadataBytes;
        }

        return bytes;
    }
}
