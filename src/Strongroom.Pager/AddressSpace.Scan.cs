using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Numerics;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>Looking at what is there: which VMAs can be covered, and which of their pages are present.</content>
internal sealed partial class AddressSpace
{
    private const int RunsAtOnce = 256;
    private const int GrowthPages = 8;
    private const int ThreadDescriptorSlack = 256;
    private const int MaxRobustLocks = 64;
    private const int FullLookEvery = 8;
    private const ulong RegionBytes = (ulong)Region.PageCount << PageNumber.Shift;

    // Whether a page is a file's is not asked where it cannot be: it costs the kernel a look at every struct page, 65 ns against 12.
    private static readonly PageFilter s_present = new(
        PageCategories.None, PageCategories.Present, PageCategories.ZeroPage, PageCategories.Present);

    private static readonly PageFilter s_presentAnonymous = new(
        PageCategories.None,
        PageCategories.Present,
        PageCategories.File | PageCategories.ZeroPage,
        PageCategories.Present);

    private readonly PageRun[] _runs = new PageRun[RunsAtOnce];
    private readonly Dictionary<string, long> _uncovered = [];
    private readonly Dictionary<ulong, Exclusion> _excluded = [];
    private List<CoveredVma> _vmas = [];
    private List<CoveredVma> _vmasBefore = [];
    private ProcMaps? _maps;
    private PagemapScan? _pagemap;
    private int _scans;
    private readonly HashSet<ulong> _threadPages = [];
    private readonly List<ulong> _skipped = [];
    private bool _isLookDue = true;

    /// <summary>Gets the clear bytes that are left alone, by reason, at the last look.</summary>
    internal IReadOnlyDictionary<string, long> UncoveredBytes => _uncovered;

    /// <summary>Finds the pages that are present and notes new, gone and still unaccounted ones.</summary>
    internal void Scan()
    {
        if (_maps is null || _pagemap is null || !_maps.Refresh())
        {
            IsGone = _maps is null || _pagemap is null;
            return;
        }

        CoverGrowths(); // of a thread that was killed no report comes
        (_vmas, _vmasBefore) = (_vmasBefore, _vmas);
        _vmas.Clear();
        bool isFullLook = _scans++ % FullLookEvery == 0;
        if (isFullLook)
        {
            _uncovered.Clear();
            _table.RemoveEmptyRegions();
        }

        FindThreadPages();

        int before = 0;
        VirtualAddress end = default;
        foreach (Vma vma in _maps)
        {
            ScanVma(vma, isFullLook, end, ref before);
            end = vma.Range.End;
        }

        _isLookDue = false;
        ApplyPresent();
        FollowArguments();
        ForgetOldTrouble();
    }

    // A thread that ends writes to its robust-futex list and its thread descriptor at a moment when the kernel does not wait for
    // userfaultfd any more (fs/userfaultfd.c, PF_EXITING): those pages must not be sealed while it lives, or who joins it waits for ever.
    private void FindThreadPages()
    {
        _threadPages.Clear();
        foreach (int tid in ThreadList.Of(TargetPid))
        {
            ulong head = ThreadList.RobustListHead(tid);
            if (head != 0)
            {
                // The C libraries keep the list's head and the word that is cleared at the end (set_tid_address(2)) side by side.
                _ = _threadPages.Add((head - ThreadDescriptorSlack) >> PageNumber.Shift);
                _ = _threadPages.Add((head + ThreadDescriptorSlack) >> PageNumber.Shift);
                FollowRobustList(head);
            }
        }
    }

    // The locks that the thread holds: struct robust_list_head { next; futex_offset; list_op_pending }, linux/futex.h.
    private void FollowRobustList(ulong head)
    {
        Span<byte> words = stackalloc byte[24];
        if (!TryReadClear(head, words))
        {
            return;
        }

        ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(words);
        ulong futexOffset = BinaryPrimitives.ReadUInt64LittleEndian(words[8..]);
        for (int i = 0; i < MaxRobustLocks && entry != head && entry != 0; i++)
        {
            entry &= ~1ul; // bit 0 marks a lock with priority inheritance
            _ = _threadPages.Add(entry >> PageNumber.Shift);
            _ = _threadPages.Add(unchecked(entry + futexOffset) >> PageNumber.Shift);
            _ = TryReadClear(unchecked(entry + futexOffset) & ~3ul, words[8..12]);
            if (!TryReadClear(entry, words[..8]))
            {
                return;
            }

            entry = BinaryPrimitives.ReadUInt64LittleEndian(words);
        }
    }

    // Reads from the target, and puts back a sealed page that is in the way. The target wrote the pointers: a wild one reads nothing.
    private bool TryReadClear(ulong address, Span<byte> bytes)
    {
        if (Agent!.Memory.ReadAt(bytes, unchecked((long)address)) == bytes.Length)
        {
            return true;
        }

        PageNumber page = new VirtualAddress(address).Page;
        return _table[page].IsSealed && OpenAround(_table.GetRegion(page), PageTable.IndexOf(page))
            && Agent.Memory.ReadAt(bytes, unchecked((long)address)) == bytes.Length;
    }

    private void ScanVma(in Vma vma, bool isFullLook, VirtualAddress previousEnd, ref int before)
    {
        if (_vmas.Count > 0 && _vmas[^1].Range.End == previousEnd)
        {
            _vmas[^1] = _vmas[^1] with { Room = new(_vmas[^1].Room.Start, vma.Range.Start) };
        }

        if (Agent!.Area.Overlaps(vma.Range) || vma.Range.Contains(new(TagAddress)))
        {
            return;
        }

        string? reason = WhyUncovered(vma);
        if (reason is not null)
        {
            if (isFullLook && reason.Length > 0)
            {
                CountUncovered(vma.Range, reason);
            }

            return;
        }

        while (before < _vmasBefore.Count && _vmasBefore[before].Range.Start.Value < vma.Range.Start.Value)
        {
            before++;
        }

        CoveredVma? old = before < _vmasBefore.Count && _vmasBefore[before].Range.Start == vma.Range.Start
            ? _vmasBefore[before] : null;
        long present = MarkPresent(vma.Range);
        bool hasGrown = old is null || present > old.Value.PresentPages + GrowthPages;
        int since = old?.GrowingSinceTick ?? _context.Tick;
        _vmas.Add(new(
            vma.Range,
            new(previousEnd, vma.Range.End),
            present,
            hasGrown ? _context.Tick : old!.Value.GrewAtTick,
            hasGrown && HasPaused(old) ? _context.Tick : since));
    }

    private bool HasPaused(CoveredVma? vma) => _context.Tick - (vma?.GrewAtTick ?? 0) >= _context.IdleTicks;

    // To watch memory that grows makes a fault of each first touch, so it is put off; but not for ever.
    private bool IsGrowing(CoveredVma vma) =>
        !HasPaused(vma) && _context.Tick - vma.GrowingSinceTick < _context.IdleTicks * MaxPatience;

    // Null: covered. Empty: nothing to count (the kernel's own pages, secret memory).
    private string? WhyUncovered(in Vma vma)
    {
        if (!vma.IsPrivateAnonymous)
        {
            return vma.Kind switch
            {
                VmaKind.FilePrivate => ClearReason.File,
                VmaKind.FileShared or VmaKind.SharedMemory => ClearReason.Shared,
                VmaKind.HugeTlb => ClearReason.HugeTlb,
                VmaKind.Device => ClearReason.Device,
                _ => string.Empty,
            };
        }

        if (vma.Access != (VmaAccess.Read | VmaAccess.Write))
        {
            return vma.Allows(VmaAccess.Shared) ? ClearReason.Shared
                : vma.Allows(VmaAccess.Execute) ? ClearReason.Executable
                : ClearReason.ReadOnly;
        }

        return vma.Range.Contains(new(_arguments?.Address ?? 0)) ? ClearReason.Arguments
            : _isDirtyTracked ? ClearReason.SoftDirty
            : IsNotEncrypted(vma.Range.Start.Page) ? ClearReason.NotEncrypted
            : _excluded.TryGetValue(vma.Range.Start.Value, out Exclusion found) ? found.Reason : null;
    }

    private void CountUncovered(AddressRange range, string reason)
    {
        // Of a file mapping only private copies count: its clean pages are the file's.
        PageFilter filter = reason == ClearReason.Shared
            ? new(PageCategories.None, PageCategories.Present, PageCategories.None, PageCategories.Present)
            : s_presentAnonymous;
        long bytes = 0;
        foreach (AddressRange run in RunsOf(range, filter))
        {
            bytes += (long)run.LengthBytes;
        }

        if (bytes > 0)
        {
            _uncovered[reason] = _uncovered.GetValueOrDefault(reason) + bytes;
        }
    }

    // The kernel takes 12 ns for a page that is not there, and more for one that is. Where faults and changes of layout are reported there is
    // little to see: what is sealed as a whole is not looked at, what is Clear now and then. (It may have been swapped out.)
    private long MarkPresent(AddressRange range)
    {
        if (range.LengthBytes < RegionBytes || !_registered.Contains(range))
        {
            return MarkPresentIn(range);
        }

        _skipped.Clear();
        long present = 0;
        foreach (Region region in _table.RegionsIn(range))
        {
            if (region.IsAbsent || !IsDue(region))
            {
                _skipped.Add(region.FirstPage);
                region.SkippedScan = _scans;
                present += region.ClearCount;
            }
        }

        _skipped.Sort();
        VirtualAddress next = range.Start;
        foreach (ulong page in _skipped)
        {
            VirtualAddress skipped = new PageNumber(page).Address;
            present += next.Value < skipped.Value ? MarkPresentIn(new(next, skipped)) : 0;
            next = new(skipped.Value + RegionBytes);
        }

        return present + (next.Value < range.End.Value ? MarkPresentIn(new(next, range.End)) : 0);
    }

    // Every region in its turn, so that no look takes long; all of them after memory was registered, of which more may be there than was seen.
    private bool IsDue(Region region) =>
        _isLookDue || region.HasDoomed || (region.Number + (ulong)_scans) % FullLookEvery == 0;

    private long MarkPresentIn(AddressRange range)
    {
        long present = 0;
        foreach (AddressRange run in RunsOf(range, s_present))
        {
            present += (long)(run.LengthBytes >> PageNumber.Shift);
            MarkRun(run);
        }

        return present;
    }

    // The runs of pages that match, ascending. One search at a time. None before there is an agent: a forked child reports what is done to
    // it for that, and nothing can be sealed yet.
    private IEnumerable<AddressRange> RunsOf(AddressRange range, PageFilter filter)
    {
        VirtualAddress next = range.Start;
        while (_pagemap is not null && next.Value < range.End.Value)
        {
            int found = _pagemap.Find(new(next, range.End), filter, _runs, out VirtualAddress end);
            for (int i = 0; i < found; i++)
            {
                yield return _runs[i].Range;
            }

            if (found < 0 || end.Value <= next.Value)
            {
                yield break;
            }

            next = end;
        }
    }

    private void MarkRun(AddressRange range)
    {
        ulong end = range.End.Page.Value;
        for (ulong page = range.Start.Page.Value; page < end;)
        {
            Region region = _table.GetRegion(new(page));
            ulong regionEnd = Math.Min(end, region.FirstPage + Region.PageCount);
            region.BeginScan(_scans);
            region.MarkPresent((int)(page - region.FirstPage), (int)(regionEnd - region.FirstPage));
            page = regionEnd;
        }
    }

    // Present and not known: Clear from now on. Clear and in no covered VMA present: gone, that is dropped, unmapped, swapped out, or
    // no longer writable memory.
    private void ApplyPresent()
    {
        foreach (Region region in _table.Regions)
        {
            if (region.SkippedScan == _scans)
            {
                continue;
            }

            region.BeginScan(_scans);
            for (int word = 0; word < Region.Words; word++)
            {
                for (ulong gone = region.Vanished(word); gone != 0; gone &= gone - 1)
                {
                    region.Set((word << 6) + BitOperations.TrailingZeroCount(gone), default);
                }

                for (ulong found = region.NewlyPresent(word); found != 0; found &= found - 1)
                {
                    int index = (word << 6) + BitOperations.TrailingZeroCount(found);
                    region.Set(index, PageEntry.Of(PageState.Clear, _context.Tick));
                    region.LastUsedTick = _context.Tick;
                }
            }

            region.HasDoomed = region.HasDoomed && region.HasAny(static entry => entry.IsDoomed);
        }
    }

    private void ExcludeVmaOf(PageNumber page)
    {
        CoveredVma? vma = FindVma(page);
        if (vma is not null)
        {
            // Moves need the same protection and lock state on both sides, so what they refuse is locked memory, or some VMA of a
            // kind not known here; either way it is counted, and tried again later.
            Exclude(vma.Value.Range, ClearReason.Locked);
        }
    }

    private void Exclude(AddressRange range, string reason, TimeSpan atLeast = default) =>
        _excluded[range.Start.Value] = new(reason, _context.Tick + Math.Max(64 * _context.IdleTicks, (int)(atLeast / _context.TickLength)));

    private void ForgetOldTrouble()
    {
        foreach ((ulong start, Exclusion exclusion) in _excluded)
        {
            if (exclusion.UntilTick <= _context.Tick)
            {
                _ = _excluded.Remove(start);
            }
        }

        foreach ((ulong page, int until) in _busyUntil)
        {
            if (until <= _context.Tick - _context.IdleTicks)
            {
                _ = _busyUntil.Remove(page);
            }
        }

        if (_busyUntil.Count > 0)
        {
            _uncovered[ClearReason.Pinned] = (long)_busyUntil.Count << PageNumber.Shift;
        }
    }

    private CoveredVma? FindVma(PageNumber page)
    {
        int at = RangeSet.FirstEndingAfter(_vmas, page.Address, static vma => vma.Range);
        return at < _vmas.Count && _vmas[at].Range.Contains(page.Address) ? _vmas[at] : null;
    }

    /// <summary>A VMA whose pages can be sealed, as last seen, and how far it could have grown since: its neighbours' ends.</summary>
    private readonly record struct CoveredVma(AddressRange Range, AddressRange Room, long PresentPages, int GrewAtTick, int GrowingSinceTick);

    /// <summary>Why a VMA is left alone, and until when.</summary>
    private readonly record struct Exclusion(string Reason, int UntilTick);
}
