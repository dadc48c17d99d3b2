using System;
using System.Collections.Generic;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>Missing-page faults: what a page was is put back, and with it neighbours that will be wanted too.</content>
internal sealed partial class AddressSpace
{
    // A few faults scattered over the 512 pages of a region say nothing of the pages beside them, which cost more than 1 µs each.
    private const int FaultsToDouble = 4;

    private static readonly TimeSpan s_eventPatience = TimeSpan.FromMilliseconds(2);

    private readonly List<Growth> _growths = [];
    private bool _isGrowthUncovered;
    private Run _lastRun = Run.None;
    private ulong _lastRunRegion;
    private long _openedPages;

    private void HandleFault(WaitingFault fault)
    {
        if (IsFaultOfFile(fault.Page))
        {
            return;
        }

        Region region = _table.GetRegion(fault.Page);
        int index = PageTable.IndexOf(fault.Page);
        Prefetch(region, index);
        region.LastUsedTick = _context.Tick;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        bool isDone = !IsHeldBack(region, index) && region[index].State switch
        {
            PageState.Sealed or PageState.SealedZero => OpenAround(region, index),
            PageState.Limbo => Rescue(region, index),
            _ => FillWithZeros(region, index, fault.IsWrite),
        };

        _context.Statistics.FaultAllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
        if (!isDone && Verdict is null && !IsGone)
        {
            _waiting.Enqueue(fault);
            return;
        }

        _context.Statistics.Faults++;
        _context.Statistics.FaultLatency.Add(Stopwatch.GetTimestamp() - fault.ReadAt);
    }

    // False: it was tried for too long.
    private bool TryAgain()
    {
        if (_waiting.TryPeek(out WaitingFault oldest) && Stopwatch.GetElapsedTime(oldest.ReadAt) > s_layoutPatience)
        {
            return false;
        }

        for (int i = _waiting.Count; i > 0 && Verdict is null; i--)
        {
            WaitingFault fault = _waiting.Dequeue();
            TimeSpan waited = Stopwatch.GetElapsedTime(fault.ReadAt);
            bool isLookDue = waited >= fault.Patience; // to look takes long where there are many threads
            if (!TryUncoverGrowth(fault, isLookDue))
            {
                HandleFault(isLookDue ? fault with { Patience = waited * 2 } : fault);
            }
        }

        return true;
    }

    // mremap(2) that makes locked memory longer by moving it fills the new part before it reports the move, while the kernel refuses
    // all fills until the report is read (mm/mremap.c: mm_populate comes before notify_uffd). Only taking the new part from the
    // userfaultfd lets the kernel fill it, from the first page that is missing. It was never here, so nothing of it is sealed; where something
    // is, the thread has left the fault that is looked at, and is in an mremap of something else.
    private bool TryUncoverGrowth(WaitingFault fault, bool isLookDue)
    {
        Growth growth = _growths.Find(each => each.ThreadId == fault.ThreadId && each.Range.Contains(fault.Page.Address));
        if (growth.Range.IsEmpty && isLookDue)
        {
            ulong bytes = ProcessTable.GrowthByMremap(TargetPid, fault.ThreadId);
            growth = new(fault.ThreadId, AddressRange.FromLength(fault.Page.Address, bytes));
        }

        if (growth.Range.IsEmpty)
        {
            return false;
        }

        AddressRange missing = new(fault.Page.Address, growth.Range.End);
        if (HoldsAny(missing) || _uffd.Unregister(missing) != 0)
        {
            return false;
        }

        _ = _growths.Remove(growth); // it may be known
        _growths.Add(growth);
        _isGrowthUncovered = true;
        return true;
    }

    // Whether there is something that only the pager has.
    private bool HoldsAny(AddressRange range)
    {
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                if (region[i].IsSealed || region[i].State == PageState.Limbo)
                {
                    return true;
                }
            }
        }

        return false;
    }

    // Before the report of the move is read, that is before the program can go on: the mapping must be one VMA again, or its next
    // mremap would fail. If it is covered too early, it faults once more.
    private void CoverGrowths()
    {
        if (!_isGrowthUncovered)
        {
            return;
        }

        _isGrowthUncovered = false;
        foreach (Growth growth in _growths)
        {
            _ = _uffd.Register(growth.Range); // ENOMEM: the target has ended
        }
    }

    // Decrypts a page and the sealed pages round it into the bounce buffer and hands them to the kernel in one call.
    private bool OpenAround(Region region, int index)
    {
        (int first, int count) = ChooseNeighbours(region, index);
        while (true)
        {
            Span<byte> plaintext = _context.Bounce.Take(count);
            Decrypt(region, first, plaintext);
            FillOutcome outcome = _uffd.Copy(new(region.FirstPage + (ulong)first), plaintext, out int filled);
            MarkOpened(region, first, filled);
            if (!region[index].IsSealed)
            {
                return true; // the one that was asked for is there; the others were a favour
            }

            if (outcome == FillOutcome.AlreadyPresent && first + filled == index)
            {
                CondemnPresent(region, index);
                return false;
            }

            if (count == 1 || outcome is FillOutcome.LayoutChanging or FillOutcome.Gone or FillOutcome.Failed)
            {
                return Settle(outcome, new(region.FirstPage + (ulong)index));
            }

            (first, count) = (index, 1); // a neighbour lies in another VMA or was there: the page alone
        }
    }

    // Apart from its caller, which then is fewer instructions: a fault finds none of them in the cache.
    private void CondemnPresent(Region region, int index) =>
        Condemn($"page 0x{region.FirstPage + (ulong)index:x} is present although it is sealed");

    // The ciphertext comes from memory while it is decided what to do, and each page's while the one before it is decrypted.
    private void Prefetch(Region region, int index)
    {
        PageEntry entry = region[index];
        if (entry.State == PageState.Sealed && DomainOf(region, index) is { IsErased: false } domain)
        {
            domain.Frames.Prefetch(entry.Value);
        }
    }

    private void Decrypt(Region region, int first, Span<byte> plaintext)
    {
        for (int i = first; !plaintext.IsEmpty; i++)
        {
            Span<byte> page = plaintext[..PageNumber.SizeBytes];
            plaintext = plaintext[PageNumber.SizeBytes..];
            if (!plaintext.IsEmpty)
            {
                Prefetch(region, i + 1);
            }

            PageEntry entry = region[i];
            if (entry.State == PageState.SealedZero)
            {
                page.Clear();
            }
            else
            {
                DomainOf(region, i).Frames.Open(entry.Value, page);
            }
        }
    }

    private void MarkOpened(Region region, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            Replace(region, i, PageEntry.Of(PageState.Clear, _context.Tick));
        }

        _openedPages += count;
        _context.Statistics.OpenedPages += count;
    }

    // One page for a lone fault; for a run of faults in one direction twice as many each time, never more than a 64th of the window. For many
    // faults in one region ever larger aligned blocks too, but only while nothing must be sealed in exchange.
    private (int First, int Count) ChooseNeighbours(Region region, int index)
    {
        if (region.FaultTick != _context.Tick)
        {
            region.RecentFaults = _context.Tick - region.FaultTick > _context.IdleTicks ? 0 : region.RecentFaults / 2;
            region.FaultTick = _context.Tick;
        }

        int limit = (int)Math.Clamp(_context.WindowPages / 64, 1, BounceBuffer.Pages);
        Run run = NextRun(region, index, limit);
        (int first, int end) = run.Around(index);
        if (run.Length == 1 && !_context.IsWindowFull)
        {
            int block = Math.Min(1 << Math.Min(region.RecentFaults++ / FaultsToDouble, 4), limit);
            first = index & ~(block - 1);
            end = first + block;
        }

        (int low, int high) = end - first == 1 ? (first, end) : Extend(region, index, first, end, isSealed: true);
        EndRun(region, low, high, run);
        return (low, high - low);
    }

    // From a page on in both directions, as far as pages are like it and nothing forbids that they come along.
    private (int First, int End) Extend(Region region, int index, int low, int high, bool isSealed)
    {
        int first = index;
        while (first > low && MayComeAlong(region, first - 1, isSealed))
        {
            first--;
        }

        int end = index + 1;
        while (end < high && MayComeAlong(region, end, isSealed))
        {
            end++;
        }

        return (first, end);
    }

    private bool MayComeAlong(Region region, int index, bool isSealed)
    {
        PageEntry entry = region[index];
        return isSealed
            ? entry.IsSealed && !IsChanging(region, index) && !(entry.State == PageState.Sealed && DomainOf(region, index).IsErased)
            : entry.State == PageState.Untracked && !IsChanging(region, index);
    }

    // How many pages to bring in from here: 1, or more in a run of faults in one direction. Every region has a run of its own, so that a
    // program may walk through several places at once; at a region's end it goes on in the next one.
    private Run NextRun(Region region, int index, int limit)
    {
        Run before = region.LastRun;
        long page = index;
        if (page != before.Next && page != before.Previous)
        {
            before = _lastRun;
            page += (long)region.FirstPage - (long)_lastRunRegion;
            if (page != before.Next && page != before.Previous)
            {
                return Run.Single;
            }
        }

        bool goesDown = page != before.Next;
        bool goesOn = before.Length <= 1 || before.IsDescending == goesDown;
        return before with { Length = Math.Clamp(goesOn ? before.Length * 2 : 2, 1, limit), IsDescending = goesDown };
    }

    private void EndRun(Region region, int first, int end, Run run)
    {
        region.LastRun = _lastRun = run with { Previous = first - 1, Next = end };
        _lastRunRegion = region.FirstPage;
    }

    // A page in staging goes back without cryptography. It is read like a file: a page that is missing there (the target meddled)
    // is an error, not a wait.
    private bool Rescue(Region region, int index)
    {
        int slot = region[index].Value;
        Span<byte> plaintext = _context.Bounce.Take(1);
        if (Agent!.Memory.ReadAt(plaintext, (long)Agent.SlotAddress(slot)) != PageNumber.SizeBytes)
        {
            Condemn("its staging area was changed from inside");
            return false;
        }

        PageNumber page = new(region.FirstPage + (ulong)index);
        FillOutcome outcome = _uffd.Copy(page, plaintext, out int filled);
        if (filled == 0)
        {
            return Settle(outcome, page);
        }

        Replace(region, index, PageEntry.Of(PageState.Clear, _context.Tick));
        _context.Statistics.RescuedPages++;
        WelcomeBack(region);
        return true;
    }

    private bool FillWithZeros(Region region, int index, bool isWrite)
    {
        Run run = NextRun(region, index, BounceBuffer.Pages);
        (int low, int high) = run.Around(index);
        (int first, int next) = Extend(region, index, low, high, isSealed: false);
        EndRun(region, first, next, run);
        FillOutcome outcome = FillZeros(region, first, next - first, isWrite, out int filled);
        if (first + filled <= index && next - first > 1 && outcome is not (FillOutcome.LayoutChanging or FillOutcome.Gone))
        {
            first = index; // the run left its VMA, or met a page that is there: the page alone
            outcome = FillZeros(region, first, 1, isWrite, out filled);
        }

        return first + filled > index || Settle(outcome, new(region.FirstPage + (ulong)index));
    }

    // A page that is to be written is filled for good; one that is only read gets the kernel's shared page of zeros.
    private FillOutcome FillZeros(Region region, int first, int count, bool isWrite, out int filled)
    {
        PageNumber page = new(region.FirstPage + (ulong)first);
        FillOutcome outcome = isWrite || count > 1
            ? _uffd.Copy(page, _context.Zeros[..(count << PageNumber.Shift)], out filled)
            : _uffd.ZeroPages(page, 1, out filled);
        for (int i = first; i < first + filled; i++)
        {
            region.Set(i, PageEntry.Of(PageState.Clear, _context.Tick));
        }

        _context.Statistics.ZeroFilledPages += filled;
        return outcome;
    }

    // What to do when nothing was filled. True: the fault is dealt with. False: try again after the queued events.
    private bool Settle(FillOutcome outcome, PageNumber page)
    {
        switch (outcome)
        {
            case FillOutcome.LayoutChanging:
                return false;
            case FillOutcome.Gone:
                IsGone = true;
                return true;
            case FillOutcome.Failed:
                Condemn($"the kernel has no memory for page 0x{page.Value:x}");
                return false;
            default:
                // AlreadyPresent: a fault that was reported twice (a signal restarts it). NotRegistered: unmapped meanwhile.
                // Either way the thread looks again.
                _uffd.Wake(page, 1);
                return true;
        }
    }

    /// <summary>The new part of locked memory, which an mremap of this thread fills.</summary>
    private readonly record struct Growth(int ThreadId, AddressRange Range);
}
