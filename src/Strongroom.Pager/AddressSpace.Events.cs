using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>Changes of layout that the kernel reports: munmap, madvise, mremap, fork.</content>
internal sealed partial class AddressSpace
{
    private bool _hasDoomed;
    private int _doomedEpoch;
    private int _doomedTick;

    /// <summary>Tells whether pages have been doomed for so long that their reprieve should be looked into.</summary>
    /// <param name="epoch">Names the state of affairs; give it to <see cref="Reprieve"/>.</param>
    internal bool WantsQuiescence(out int epoch)
    {
        epoch = _doomedEpoch;
        return _hasDoomed && _context.Tick - _doomedTick > _context.IdleTicks;
    }

    /// <summary>Takes back the doom of pages that are still there: no thread is in the madvise that doomed them (it was MADV_FREE).</summary>
    /// <param name="epoch">When the question was asked; pages doomed since stay so.</param>
    internal void Reprieve(int epoch)
    {
        if (epoch != _doomedEpoch)
        {
            return;
        }

        _hasDoomed = false;
        foreach (Region region in _table.Regions)
        {
            for (int i = 0; i < Region.PageCount && region.ClearCount > 0; i++)
            {
                if (region[i].IsDoomed)
                {
                    region.Set(i, region[i].WithDoomed(false));
                }
            }
        }
    }

    private void HandleEvent(in uffd_msg message)
    {
        switch (message.@event)
        {
            case Libc.UFFD_EVENT_UNMAP:
                HandleUnmap(RangeOf(message));
                break;
            case Libc.UFFD_EVENT_REMOVE:
                HandleRemove(RangeOf(message));
                break;
            case Libc.UFFD_EVENT_REMAP:
                HandleRemap(new(message.word0), new(message.word1), message.word2);
                break;
            case Libc.UFFD_EVENT_FORK:
                HandleFork(new Userfaultfd((int)message.word0));
                break;
            default:
                Condemn($"its userfaultfd reports an unknown event {message.@event}");
                break;
        }
    }

    private static AddressRange RangeOf(in uffd_msg message) => new(new(message.word0), new(message.word1));

    // The memory is gone; the kernel did it before it told. New memory at the same address is not registered.
    private void HandleUnmap(AddressRange range)
    {
        if (Agent is not null && range.Overlaps(Agent.Area))
        {
            Condemn("it unmapped memory of its agent");
            return;
        }

        if (_expectedUnmaps.Remove(range))
        {
            return; // the second report of an mremap: what was here has moved, and what is here now came later
        }

        foreach (AddressRange part in TakeDisplaced(range, null))
        {
            ForgetRange(part);
        }
    }

    // madvise(DONTNEED, FREE, REMOVE) tells before it acts. What is outside the target is dropped now; what is Clear is doomed.
    private void HandleRemove(AddressRange range)
    {
        if (Agent is not null && range.Overlaps(Agent.Area))
        {
            return; // the agent drops staging pages by the same call
        }

        _doomedEpoch++;
        _doomedTick = _context.Tick;
        NoteUnseen(range);
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                if (region[i].State == PageState.Clear)
                {
                    region.Set(i, region[i].WithDoomed(true));
                    _hasDoomed = true;
                }
                else
                {
                    Forget(region, i);
                }
            }
        }
    }

    // What no look has found yet is there too: filled before the memory was registered, or written where the kernel's page of zeros was. Unknown, it
    // would not be doomed but taken for new by the next look, and could be sealed before the call drops it.
    private void NoteUnseen(AddressRange range)
    {
        foreach (AddressRange run in RunsOf(range, s_present))
        {
            for (ulong page = run.Start.Page.Value; page < run.End.Page.Value; page++)
            {
                Region region = _table.GetRegion(new(page));
                int index = PageTable.IndexOf(new(page));
                if (region[index].State == PageState.Untracked)
                {
                    region.Set(index, PageEntry.Of(PageState.Clear, _context.Tick));
                }
            }
        }
    }

    private List<(ulong Page, PageEntry Entry)> TakeEntries(AddressRange range, Func<PageEntry, bool> isWanted)
    {
        List<(ulong Page, PageEntry Entry)> taken = [];
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                if (isWanted(region[i]))
                {
                    taken.Add((region.FirstPage + (ulong)i, region[i]));
                    region.Set(i, default);
                }
            }
        }

        return taken;
    }

    // The part of a range that lies in a region, as indices.
    private static (int First, int End) Clip(Region region, AddressRange range)
    {
        ulong start = range.Start.Page.Value;
        ulong end = (range.End.Value + PageNumber.SizeBytes - 1) >> PageNumber.Shift;
        int first = start > region.FirstPage ? (int)(start - region.FirstPage) : 0;
        ulong last = end - region.FirstPage;
        return (first, last < Region.PageCount ? (int)last : Region.PageCount);
    }
}
