using System;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Moving pages to staging, by the agent: they become Limbo.</content>
internal sealed partial class AddressSpace
{
    private const int MaxMoves = 50;
    private static readonly PageFilter s_there = new(
        PageCategories.Present | PageCategories.Swapped,
        PageCategories.None,
        PageCategories.None,
        PageCategories.Present | PageCategories.Swapped);

    private readonly Move[] _plan = new Move[MaxMoves];
    private int _planned;
    private int _plannedPages;
    private int _nextSlot;
    private bool _isPlanOfProbes;

    /// <summary>Gets a value indicating whether pages can be moved to staging now.</summary>
    internal bool CanMove => Agent is { IsBusy: false } && Verdict is null && !IsGone && _waiting.Count == 0 && !_mustReconcile
        && !_isGrowthUncovered && _slots!.CountOf(SlotState.Free) > 0;

    // Plans the move of a run of Clear pages; false when the plan or the staging is full.
    private bool TryPlan(PageNumber first, int count)
    {
        while (count > 0)
        {
            int room = _planned == MaxMoves ? 0 : Math.Min(count, PagePipe.Capacity - _plannedPages);
            int found = room == 0 ? 0 : _slots!.FindFree(_nextSlot, room, out _nextSlot);
            if (found == 0)
            {
                return false;
            }

            _plan[_planned++] = new(first, found, _nextSlot);
            _plannedPages += found;
            _nextSlot += found;
            first = new(first.Value + (ulong)found);
            count -= found;
        }

        return true;
    }

    private void BeginPlan(bool isOfProbes)
    {
        _isPlanOfProbes = isOfProbes;
        _planned = 0;
        _plannedPages = 0;
        _nextSlot = 0;
    }

    // Sends the planned moves and waits for the reply. No event is read meanwhile; see the class.
    private int ExecutePlan()
    {
        if (_planned == 0 || IsDirtyTracked())
        {
            return 0;
        }

        AgentMessage message = Agent!.Message;
        message.Clear();
        for (int i = 0; i < _planned; i++)
        {
            _ = message.AddMove(
                Agent.RemoteUffd,
                Agent.SlotAddress(_plan[i].Slot),
                _plan[i].First.Address.Value,
                (ulong)_plan[i].Count << PageNumber.Shift);
        }

        int lend = _isPlanOfProbes || _queue.PipedCount + _plannedPages > PagePipe.Capacity ? -1 : AddLend(message);
        long start = Stopwatch.GetTimestamp();
        if (!Agent.TryExchange())
        {
            Condemn("its agent was killed or does not answer");
            return 0;
        }

        _context.Statistics.Sealing.Move += Stopwatch.GetTimestamp() - start;
        int lent = lend < 0 ? 0 : (int)Math.Clamp(message.Result(lend) >> PageNumber.Shift, 0, _plannedPages);
        int moved = 0;
        for (int i = 0; i < _planned; i++)
        {
            int pages = ApplyMove(_plan[i], message.Result(i), message.MovedBytes(i));
            if (_isPlanOfProbes && pages > 0)
            {
                _table.GetRegion(_plan[i].First).ProbeTick = _context.Tick; // from now on it can be missed
            }
            else
            {
                Queue(_plan[i].Slot, pages, lent - moved);
            }

            moved += pages;
        }

        if (IsDirtyTracked())
        {
            TakeBackPlan();
        }

        return moved;
    }

    // All pages of the plan, if all were moved: the agent lends them to its pipe, from which they are read without looking them up again.
    private int AddLend(AgentMessage message)
    {
        ulong vectors = 0;
        int count = 0;
        for (int i = 0; i < _planned; count++)
        {
            int slot = _plan[i].Slot;
            int end = slot;
            while (i < _planned && _plan[i].Slot == end)
            {
                end += _plan[i++].Count;
            }

            ulong vector = message.AddVector(Agent!.SlotAddress(slot), (ulong)(end - slot) << PageNumber.Shift);
            vectors = count == 0 ? vector : vectors;
        }

        return message.AddLend(Agent!.RemotePipe, vectors, count, _context.AgentPass);
    }

    // The first `lent` pages lie in the pipe.
    private void Queue(int slot, int count, int lent)
    {
        for (int i = 0; i < count; i++)
        {
            if (i < lent)
            {
                _queue.AddPiped(slot + i);
            }
            else
            {
                _queue.Add(slot + i);
            }
        }
    }

    // The reply lies in the target's memory and is not trusted: a number too large is cut, and a page said to be moved that is not
    // in staging is found out when it is read.
    private int ApplyMove(Move move, long result, long movedBytes)
    {
        int moved = result == 0 ? move.Count : CountMoved(move, (int)Math.Clamp(movedBytes >> PageNumber.Shift, 0, move.Count));
        for (int i = 0; i < moved; i++)
        {
            PageNumber page = new(move.First.Value + (ulong)i);
            _slots!.Fill(move.Slot + i, page);
            _table.Set(page, PageEntry.Of(PageState.Limbo, move.Slot + i));
        }

        if (moved == 0 && result < 0)
        {
            HandleMoveError(move, (int)-result);
        }

        return moved;
    }

    // Linux 6.18 may move pages and say EEXIST: when an entry changes while a page is looked at (its accessed bit is set, which reclaim,
    // DAMON and MADV_COLD clear), it tries again, but keeps the error of the first try through the success of the second, and so tries a third
    // time, where the page is by now (mm/userfaultfd.c, move_pages). So a failed move is not believed: what has left its place and
    // lies in staging was moved. A page that was dropped meanwhile, whose slot mlockall(2) filled, is taken for moved: its report is outstanding.
    private int CountMoved(Move move, int said)
    {
        int moved = said;
        while (moved < move.Count
            && IsThere(new(Agent!.SlotAddress(move.Slot + moved)))
            && !IsThere(new PageNumber(move.First.Value + (ulong)moved).Address))
        {
            moved++;
        }

        return moved;
    }

    // Not by reading it: what a target that meddles has mapped there by now may keep a reader waiting.
    private bool IsThere(VirtualAddress address) =>
        _pagemap?.Find(AddressRange.FromLength(address, PageNumber.SizeBytes), s_there, stackalloc PageRun[1], out _) > 0;

    private void HandleMoveError(Move move, int errno)
    {
        PageNumber page = move.First;
        switch (errno)
        {
            case Libc.EAGAIN:
                break; // the layout is changing: later
            case Libc.ENOENT or Libc.EFAULT when _table[page].State == PageState.Clear:
                _table.Set(page, default); // not there any more, or a guard region (Linux 6.13)
                break;
            case Libc.EEXIST:
                _slots!.Spoil(move.Slot, move.Count); // mlockall(2) fills staging too: to be dropped first
                break;
            case Libc.EBUSY:
                NoteBusy(page, move.Count);
                break;
            case Libc.EINVAL:
                ExcludeVmaOf(page);
                break;
            case Libc.ESRCH:
                IsGone = true;
                break;
            default:
                Condemn($"page 0x{page.Value:x} cannot be moved to staging (errno {errno})");
                break;
        }
    }

    /// <summary>A planned move of pages to slots.</summary>
    private readonly record struct Move(PageNumber First, int Count, int Slot);
}
