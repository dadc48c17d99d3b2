using System;

namespace Strongroom.Machine.Mm;

internal sealed partial class PageAllocator
{
    /// <summary>Gives frames to the allocator: at boot, or when memory is plugged in.</summary>
    /// <param name="first">The first frame; a multiple of 2^<see cref="MaxOrder"/> for the largest blocks.</param>
    /// <param name="count">How many.</param>
    /// <param name="node">Their node.</param>
    /// <param name="movable">Whether they go to the movable zone, so that they can be taken away again.</param>
    internal void AddFrames(int first, int count, int node, bool movable)
    {
        for (int frame = first; frame < first + count; frame++)
        {
            int kind = movable ? MovableZone : node == 0 && frame < _limits.Dma32Frames ? Dma32 : Normal;
            Pages.Zone[frame] = (byte)((node * ZonesPerNode) + kind);
            Pages.State[frame] = FrameState.Reserved;
            _zones[Pages.Zone[frame]].Managed++;
        }

        int at = first;
        while (at < first + count)
        {
            int order = MaxOrder;
            while (order > 0 && ((at & ((1 << order) - 1)) != 0 || at + (1 << order) > first + count || !SameZone(at, order)))
            {
                order--;
            }

            FreeToBuddy(Pages.Zone[at], at, order);
            at += 1 << order;
        }
    }

    /// <summary>Takes frames away from the allocator; all must be free in the buddy lists.</summary>
    /// <returns>False, with nothing changed, when one of them is in use.</returns>
    internal bool TryRemoveFrames(int first, int count)
    {
        DrainAll();
        for (int frame = first; frame < first + count; frame++)
        {
            if (Pages.State[frame] is not (FrameState.Buddy or FrameState.Isolated))
            {
                return false;
            }
        }

        IsolateFree(first, count);
        for (int frame = first; frame < first + count; frame++)
        {
            Pages.State[frame] = FrameState.Absent;
            _zones[Pages.Zone[frame]].Managed--;
        }

        return true;
    }

    /// <summary>Takes the free frames of a range out of the buddy lists, so that nobody allocates them.</summary>
    internal void IsolateFree(int first, int count)
    {
        DrainAll();
        for (int frame = first; frame < first + count; frame++)
        {
            if (Pages.State[frame] == FrameState.Buddy)
            {
                IsolateOne(frame);
            }
        }
    }

    /// <summary>Gives isolated frames of a range back.</summary>
    internal void Unisolate(int first, int count)
    {
        for (int frame = first; frame < first + count; frame++)
        {
            if (Pages.State[frame] == FrameState.Isolated)
            {
                FreeToBuddy(Pages.Zone[frame], frame, 0);
            }
        }
    }

    /// <summary>Moves the frames of every per-CPU list back to the buddy lists.</summary>
    internal void DrainAll()
    {
        for (int list = 0; list < _perCpu.Length; list++)
        {
            DrainPerCpu(_perCpu[list], list % _zones.Length, int.MaxValue);
        }
    }

    /// <summary>Counts frames by state, for conservation checks (I8).</summary>
    internal int CountFrames(FrameState state)
    {
        int count = 0;
        foreach (FrameState one in Pages.State)
        {
            count += one == state ? 1 : 0;
        }

        return count;
    }

    /// <summary>Counts the free blocks of one order over all zones.</summary>
    internal int FreeBlocks(int order)
    {
        int count = 0;
        foreach (Zone zone in _zones)
        {
            count += zone.FreeBlocks[order];
        }

        return count;
    }

    /// <summary>Checks the lists against the states; meant for tests.</summary>
    /// <returns>The first broken rule in words, or null.</returns>
    internal string? FindBrokenRule()
    {
        int inLists = 0;
        foreach (Zone zone in _zones)
        {
            for (int order = 0; order <= MaxOrder; order++)
            {
                int blocks = 0;
                for (int frame = zone.Heads[order]; frame >= 0 && blocks <= zone.FreeBlocks[order]; frame = Pages.Next[frame])
                {
                    blocks++; // more than are counted: a list that bites its tail is not followed for ever
                    inLists += 1 << order;
                    if (Pages.State[frame] != FrameState.Buddy || Pages.Order[frame] != order)
                    {
                        return $"Frame {frame} is in the list of order {order}, but is {Pages.State[frame]} " +
                            $"of order {Pages.Order[frame]}.";
                    }
                }

                if (blocks != zone.FreeBlocks[order])
                {
                    return $"A zone counts {zone.FreeBlocks[order]} blocks of order {order} and lists {blocks}.";
                }
            }
        }

        int inPerCpu = 0;
        foreach (PerCpuList list in _perCpu)
        {
            inPerCpu += list.Count;
        }

        if (inPerCpu != CountFrames(FrameState.PerCpu) || inLists != CountFrames(FrameState.Buddy))
        {
            return $"Lists hold {inLists} and {inPerCpu} frames, states say {CountFrames(FrameState.Buddy)} " +
                $"and {CountFrames(FrameState.PerCpu)}.";
        }

        return _policy.PooledFrames == CountFrames(FrameState.Pooled)
            ? null
            : $"Pools hold {_policy.PooledFrames} frames, states say {CountFrames(FrameState.Pooled)}.";
    }

    private bool SameZone(int frame, int order) => Pages.Zone[frame] == Pages.Zone[frame + (1 << order) - 1];

    private void DrainPerCpu(PerCpuList list, int zone, int most)
    {
        for (int i = 0; i < most && list.Count > 0; i++)
        {
            int frame = list.PopOldest();
            if (_mutant != Mutant.DrainLosesFrame)
            {
                FreeToBuddy(zone, frame, 0);
            }
        }
    }

    private int TakeBuddy(int zoneIndex, int order, Gfp gfp)
    {
        Zone zone = _zones[zoneIndex];
        int floor = (gfp & Gfp.Atomic) != 0 ? 0 : _limits.MinimumFree;
        if (zone.FreeFrames < floor + (1 << order))
        {
            return -1;
        }

        int found = order;
        while (found <= MaxOrder && zone.Heads[found] < 0)
        {
            found++;
        }

        if (found > MaxOrder)
        {
            return -1;
        }

        int frame = zone.Heads[found];
        Unlink(zone, frame, found);
        while (found > order)
        {
            found--;
            if (_mutant != Mutant.BuddySplitLosesHalf)
            {
                Link(zone, frame + (1 << found), found);
            }
        }

        return frame;
    }

    private void FreeToBuddy(int zoneIndex, int frame, int order)
    {
        Zone zone = _zones[zoneIndex];
        MarkFree(frame, order, FrameState.Buddy);
        while (order < MaxOrder)
        {
            int buddy = frame ^ (1 << order);
            if (buddy >= Pages.Count || !IsFree(Pages.State[buddy]) || Pages.Order[buddy] != order
                || Pages.Zone[buddy] != zoneIndex)
            {
                break;
            }

            Unlink(zone, buddy, order);
            Pages.Order[frame] = PageArray.NoBlock;
            frame = Math.Min(frame, buddy);
            order++;
        }

        Link(zone, frame, order);
    }

    private bool IsFree(FrameState state) =>
        state == FrameState.Buddy || (state == FrameState.PerCpu && _mutant == Mutant.BuddyMergesCpuList);

    private void Link(Zone zone, int frame, int order)
    {
        int head = zone.Heads[order];
        Pages.Order[frame] = (byte)order;
        Pages.Next[frame] = head;
        Pages.Previous[frame] = -1;
        if (head >= 0)
        {
            Pages.Previous[head] = frame;
        }

        zone.Heads[order] = frame;
        zone.FreeBlocks[order]++;
        zone.FreeFrames += 1 << order;
    }

    private void Unlink(Zone zone, int frame, int order)
    {
        int next = Pages.Next[frame];
        int previous = Pages.Previous[frame];
        if (next >= 0)
        {
            Pages.Previous[next] = previous;
        }

        if (previous >= 0)
        {
            Pages.Next[previous] = next;
        }
        else
        {
            zone.Heads[order] = next;
        }

        Pages.Order[frame] = PageArray.NoBlock;
        Pages.Next[frame] = -1;
        Pages.Previous[frame] = -1;
        zone.FreeBlocks[order]--;
        zone.FreeFrames -= 1 << order;
    }

    private void IsolateOne(int frame)
    {
        int order = 0;
        int head = frame;
        while (Pages.Order[head] != order)
        {
            order++;
            head = frame & ~((1 << order) - 1);
        }

        Zone zone = _zones[Pages.Zone[frame]];
        Unlink(zone, head, order);
        while (order > 0)
        {
            order--;
            int half = 1 << order;
            bool upper = (frame & half) != 0;
            Link(zone, upper ? head : head + half, order);
            head = upper ? head + half : head;
        }

        Pages.State[frame] = FrameState.Isolated;
    }

    private sealed class Zone
    {
        internal Zone()
        {
            Array.Fill(Heads, -1);
        }

        internal int[] Heads { get; } = new int[MaxOrder + 1];

        internal int[] FreeBlocks { get; } = new int[MaxOrder + 1];

        internal int FreeFrames { get; set; }

        internal int Managed { get; set; }
    }

    /// <summary>
    /// A ring: the hottest frame is handed out first, the coldest goes back to the buddy lists first.
    /// </summary>
    private sealed class PerCpuList
    {
        private readonly int[] _frames;
        private int _oldest;

        internal PerCpuList(int capacity)
        {
            _frames = new int[capacity];
        }

        internal int Count { get; private set; }

        internal bool IsFull => Count == _frames.Length;

        internal void Push(int frame)
        {
            int at = _oldest + Count;
            _frames[at >= _frames.Length ? at - _frames.Length : at] = frame;
            Count++;
        }

        internal int Pop()
        {
            Count--;
            int at = _oldest + Count;
            return _frames[at >= _frames.Length ? at - _frames.Length : at];
        }

        internal int PopOldest()
        {
            int frame = _frames[_oldest];
            _oldest = _oldest + 1 == _frames.Length ? 0 : _oldest + 1;
            Count--;
            return frame;
        }
    }
}
