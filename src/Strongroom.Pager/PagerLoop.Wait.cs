using System;
using System.Diagnostics;

namespace Strongroom.Pager;

/// <content>Waiting for what happens next: awake while faults follow each other closely, asleep otherwise.</content>
internal sealed partial class PagerLoop
{
    private const int MostSleeps = 1024;
    private static readonly long s_watch = Stopwatch.Frequency / 20_000; // 50 µs

    private readonly bool _mayWatch = Environment.ProcessorCount > 1; // a program on the same processor could not go on meanwhile
    private long _faultsBefore;
    private bool _isWatching;
    private int _sleeps = 1;
    private int _sleepsLeft;
    private bool _isUnsettled;
    private long _quietSince;

    // A processor that has gone to sleep is woken in several times the time of a fault. So when a fault came soon after the one before,
    // the next is watched for. When it does not come, the program may be one that is bound to the processor on which this thread
    // watches: then so many waits are slept through, twice as many each time, before it is tried again.
    private int Wait(int milliseconds)
    {
        _context.Bounce.Wipe();
        if (!_mayWatch || milliseconds == 0 || _faultsBefore == _context.Statistics.Faults)
        {
            return _epoll.Wait(_ready, milliseconds);
        }

        _faultsBefore = _context.Statistics.Faults;
        long began = Stopwatch.GetTimestamp();
        int count = _isWatching ? Watch(began) : 0;
        if (count == 0)
        {
            count = _epoll.Wait(_ready, milliseconds);
            bool wasSoon = Stopwatch.GetTimestamp() - began < 2 * s_watch; // half of it for being woken
            _isWatching = wasSoon && --_sleepsLeft <= 0;
        }

        return count;
    }

    // How many milliseconds to wait at most, for what waits until a change of layout is reported. The report wakes, and mostly comes within
    // microseconds. But the thread that makes the change may have lost its processor, and then needs the one that would be used here; and
    // of an mremap that fails none comes.
    private int WaitForReport(long now)
    {
        if (!_isUnsettled)
        {
            _quietSince = 0;
            return int.MaxValue;
        }

        _quietSince = _quietSince == 0 ? now : _quietSince;
        return now - _quietSince < s_watch ? 0 : 1;
    }

    private int Watch(long began)
    {
        do
        {
            int count = _epoll.Wait(_ready, 0);
            if (count > 0)
            {
                _sleeps = 1;
                return count;
            }
        }
        while (Stopwatch.GetTimestamp() - began < s_watch);

        _isWatching = false;
        _sleeps = Math.Min(_sleeps * 2, MostSleeps);
        _sleepsLeft = _sleeps;
        return 0;
    }
}
