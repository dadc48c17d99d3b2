using System;
using System.Diagnostics;

namespace Strongroom.Pager;

/// <content>Waiting for what happens next: awake while faults follow each other closely, asleep otherwise.</content>
internal sealed partial class PagerLoop
{
    private static readonly long s_watch = Stopwatch.Frequency / 20_000; // 50 µs

    private readonly bool _mayWatch = Environment.ProcessorCount > 1; // a program on the same processor could not go on meanwhile
    private long _faultsBefore;
    private bool _isWatching;

    // A processor that has gone to sleep is woken in several times the time of a fault. So when the last fault came soon after the one
    // before, the next is watched for: for as long as that may take, or not at all.
    private int Wait(int milliseconds)
    {
        if (milliseconds == 0 || _faultsBefore == _context.Statistics.Faults)
        {
            return _epoll.Wait(_ready, milliseconds);
        }

        _faultsBefore = _context.Statistics.Faults;
        long began = Stopwatch.GetTimestamp();
        int count = 0;
        while (_isWatching && count == 0)
        {
            count = _epoll.Wait(_ready, 0);
            _isWatching = Stopwatch.GetTimestamp() - began < s_watch;
        }

        if (count == 0)
        {
            count = _epoll.Wait(_ready, milliseconds);
            _isWatching = _mayWatch && Stopwatch.GetTimestamp() - began < 2 * s_watch; // half of it for being woken
        }

        return count;
    }
}
