using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Strongroom.Pager;

/// <summary>The entries of 512 pages that are aligned to 2 MiB, and how lively they are. 2 KiB and a header.</summary>
internal sealed class Region
{
    /// <summary>Pages in a region.</summary>
    internal const int PageCount = 512;

    /// <summary>log2 of <see cref="PageCount"/>.</summary>
    internal const int Shift = 9;

    /// <summary>What a region takes: entries, three bit maps, and about 120 bytes of fields and object header.</summary>
    internal const int Bytes = (PageCount * sizeof(uint)) + (3 * PageCount / 8) + 120;

    /// <summary>Words of 64 bits that hold a bit for each page.</summary>
    internal const int Words = PageCount / 64;

    private readonly PageCounts _counts;
    private int _scan;

    // Parts of this object, not arrays of their own: a fault finds them in no cache, and each object more on the way is a wait for memory.
    private PageBits _bits;
    private PageEntries _entries;

    /// <summary>Makes a region with no page tracked.</summary>
    /// <param name="number">The number of its first page, divided by 512.</param>
    /// <param name="counts">What to count its pages in.</param>
    internal Region(ulong number, PageCounts counts)
    {
        Number = number;
        _counts = counts;
    }

    /// <summary>Gets the number of the first page, divided by 512.</summary>
    internal ulong Number { get; }

    /// <summary>Gets the number of the first page.</summary>
    internal ulong FirstPage => Number << Shift;

    /// <summary>Gets how many pages are Clear.</summary>
    internal int ClearCount { get; private set; }

    /// <summary>Gets a tick since which every Clear page was known to be in use; the latest such tick after <see cref="FindOldest"/>.</summary>
    internal int OldestTick { get; private set; }

    /// <summary>Gets how many pages are not Untracked.</summary>
    internal int TrackedCount { get; private set; }

    /// <summary>Gets a value indicating whether every page is Limbo or sealed: where faults are reported, none can be present.</summary>
    internal bool IsAbsent => TrackedCount == PageCount && ClearCount == 0;

    /// <summary>Gets or sets the tick at which some page here was last known to be in use.</summary>
    internal int LastUsedTick { get; set; }

    /// <summary>Gets or sets the tick at which its probes were sent; 0 when none is out.</summary>
    internal int ProbeTick { get; set; }

    /// <summary>Gets or sets a value indicating whether it proved cold and waits to be sealed.</summary>
    internal bool IsCold { get; set; }

    /// <summary>Gets or sets how many times as long as <c>idle</c> this region is left alone, 1 to 8: it proved lively.</summary>
    internal int Patience { get; set; } = 1;

    /// <summary>Gets or sets the faults here since <see cref="FaultTick"/>; more of them bring back more neighbours.</summary>
    internal int RecentFaults { get; set; }

    /// <summary>Gets or sets the tick that <see cref="RecentFaults"/> counts from.</summary>
    internal int FaultTick { get; set; }

    /// <summary>Gets or sets the last run of pages that was brought in here.</summary>
    internal Run LastRun { get; set; } = Run.None;

    /// <summary>Gets or sets a value indicating whether some page may be doomed: a scan tells when it is gone.</summary>
    internal bool HasDoomed { get; set; }

    /// <summary>Gets or sets the number of the last scan that did not look here.</summary>
    internal int SkippedScan { get; set; }

    /// <summary>Gets the entry of a page.</summary>
    /// <param name="index">0 to 511.</param>
    internal PageEntry this[int index] => _entries[index];

    /// <summary>Changes the entry of a page and the counts with it.</summary>
    internal void Set(int index, PageEntry entry)
    {
        PageState before = _entries[index].State;
        _entries[index] = entry;
        HasDoomed |= entry.IsDoomed;
        if (before == entry.State)
        {
            return;
        }

        _counts.Move(before, entry.State);
        ref PageWord word = ref _bits[index >> 6];
        ulong bit = 1ul << (index & 63);
        if (entry.State == PageState.Clear)
        {
            OldestTick = ClearCount == 0 ? entry.Value : Math.Min(OldestTick, entry.Value);
            ClearCount++;
            word.Clear |= bit;
        }
        else if (before == PageState.Clear)
        {
            ClearCount--;
            word.Clear &= ~bit;
        }

        if (entry.State == PageState.Untracked)
        {
            TrackedCount--;
            word.Tracked &= ~bit;
        }
        else if (before == PageState.Untracked)
        {
            TrackedCount++;
            word.Tracked |= bit;
        }
    }

    /// <summary>Tells whether some page's entry is such.</summary>
    internal bool HasAny(Predicate<PageEntry> isSuch)
    {
        foreach (PageEntry entry in _entries)
        {
            if (isSuch(entry))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gets the index of the first Clear page from an index on; <see cref="PageCount"/> when there is none.</summary>
    internal int NextClear(int from)
    {
        ulong mask = ulong.MaxValue << (from & 63);
        for (int word = from >> 6; word < Words; word++)
        {
            ulong found = _bits[word].Clear & mask;
            if (found != 0)
            {
                return (word << 6) + BitOperations.TrailingZeroCount(found);
            }

            mask = ulong.MaxValue;
        }

        return PageCount;
    }

    /// <summary>Makes <see cref="OldestTick"/> exact.</summary>
    internal void FindOldest()
    {
        OldestTick = PageEntry.MaxValue;
        for (int i = NextClear(0); i < PageCount; i = NextClear(i + 1))
        {
            OldestTick = Math.Min(OldestTick, _entries[i].Value);
        }
    }

    /// <summary>Begins a scan, unless it has begun: no page was found present yet.</summary>
    /// <param name="scan">The scan's number.</param>
    internal void BeginScan(int scan)
    {
        if (_scan != scan)
        {
            _scan = scan;
            foreach (ref PageWord word in _bits)
            {
                word.Present = 0;
            }
        }
    }

    /// <summary>Notes that a scan found pages present.</summary>
    /// <param name="first">Index of the first.</param>
    /// <param name="end">Index after the last.</param>
    internal void MarkPresent(int first, int end)
    {
        for (int word = first >> 6; word << 6 < end; word++)
        {
            int low = Math.Max(first - (word << 6), 0);
            int high = Math.Min(end - (word << 6), 64);
            _bits[word].Present |= (ulong.MaxValue >> (64 - (high - low))) << low;
        }
    }

    /// <summary>Gets a bit for each of 64 pages that are present and not tracked.</summary>
    /// <param name="word">0 to 7.</param>
    internal ulong NewlyPresent(int word) => _bits[word].Present & ~_bits[word].Tracked;

    /// <summary>Gets a bit for each of 64 pages that are Clear but were not found present.</summary>
    /// <param name="word">0 to 7.</param>
    internal ulong Vanished(int word) => _bits[word].Clear & ~_bits[word].Present;

    // One bit for each of 64 pages, so that a scan looks at as many at a time.
    private struct PageWord
    {
        internal ulong Present { get; set; }

        internal ulong Clear { get; set; }

        internal ulong Tracked { get; set; }
    }

    [InlineArray(Words)]
    private struct PageBits
    {
        private PageWord _first;
    }

    [InlineArray(PageCount)]
    private struct PageEntries
    {
        private PageEntry _first;
    }
}
