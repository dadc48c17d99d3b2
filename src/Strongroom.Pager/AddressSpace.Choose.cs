using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Choosing what to seal, without accessed bits: a few pages of a region are taken away as probes, to see if they are missed.</content>
internal sealed partial class AddressSpace
{
    private const int ProbesPerRegion = 3;
    private const int MaxPatience = 8;
    private const int ManyOpenedInSecond = 1250;
    private const int FewOpenedInSecond = 300;

    private readonly Queue<Region> _cold = new();
    private int _hand;
    private int _probeHand;
    private int _restraint = 1;
    private int _judgedTick;
    private long _openedBefore;
    private uint _random = 0x9e3779b9;

    /// <summary>Gets a value indicating whether regions that proved cold wait to be sealed.</summary>
    internal bool HasColdRegions => _cold.Count > 0;

    /// <summary>Seals pages because the window is full: those not used for longest, as far as it is known.</summary>
    /// <param name="wanted">How many; at least 1.</param>
    /// <returns>How many were moved to staging.</returns>
    internal int Evict(int wanted)
    {
        if (!HasNothingOutstanding())
        {
            return 0; // no move succeeds until the report of the change has been read
        }

        ReadOnlySpan<int> ages = [_context.IdleTicks, 4, 2, 1, 0];
        int moved = 0;
        foreach (int age in ages)
        {
            // One age a plan: a page must not be planned twice.
            BeginPlan(isOfProbes: false);
            PlanOlderThan(age, wanted - moved);
            moved += ExecutePlan();
            if (moved >= (wanted + 1) / 2 || !CanMove)
            {
                break;
            }
        }

        return moved;
    }

    /// <summary>Sends probes into regions that were not used for the idle time, and calls cold those whose probes were not missed.</summary>
    internal void ProbeIdleRegions()
    {
        int now = _context.Tick;
        JudgeRestraint();
        BeginPlan(isOfProbes: true);
        int regions = _table.Regions.Count;
        for (int i = 0; i < regions; i++)
        {
            if (_planned + ProbesPerRegion > MaxMoves)
            {
                _ = ExecutePlan();
                BeginPlan(isOfProbes: true);
                if (!CanMove || _slots!.CountOf(SlotState.Free) < AgentLayout.SealSlots)
                {
                    return; // the others at the next tick
                }
            }

            _probeHand = (_probeHand + 1) % regions;
            Region region = _table.Regions[_probeHand];
            if (region.ProbeTick != 0 && now - region.ProbeTick >= _context.IdleTicks * _restraint)
            {
                CallCold(region);
            }
            else if (region.ProbeTick == 0 && region.ClearCount > 0
                && now - region.LastUsedTick >= _context.IdleTicks * region.Patience)
            {
                PlanProbes(region);
            }
        }

        _ = ExecutePlan();
    }

    /// <summary>Seals a region that proved cold.</summary>
    internal void SealCold()
    {
        BeginPlan(isOfProbes: false);
        while (_cold.TryPeek(out Region? region)
            && PlanRegion(region, age: 1, Region.PageCount, mayRegister: false, out _))
        {
            _cold.Dequeue().IsCold = false;
        }

        if (ExecutePlan() == 0 && _cold.TryDequeue(out Region? stuck))
        {
            stuck.IsCold = false; // nothing of it can be moved now: to be found idle again
        }
    }

    // What is idle comes back one day, and bringing a page back takes some 8 us with the sealing. A process that spends more than a
    // hundredth of its time on that is asked to be idle for up to eight times as long before more is sealed; until it is less than a 400th.
    private void JudgeRestraint()
    {
        int ticks = _context.Tick - _judgedTick;
        if (ticks < _context.IdleTicks)
        {
            return;
        }

        double openedInSecond = (_openedPages - _openedBefore) / (ticks * _context.TickLength.TotalSeconds);
        _restraint = openedInSecond > ManyOpenedInSecond ? Math.Min(_restraint * 2, MaxPatience)
            : openedInSecond < FewOpenedInSecond ? Math.Max(_restraint / 2, 1)
            : _restraint;
        _judgedTick = _context.Tick;
        _openedBefore = _openedPages;
    }

    private void PlanOlderThan(int age, int wanted)
    {
        int planned = 0;
        int regions = _table.Regions.Count;
        for (int i = 0; i < regions && planned < wanted; i++)
        {
            _hand = (_hand + 1) % regions;
            Region region = _table.Regions[_hand];
            if (region.ClearCount > 0 && _context.Tick - region.OldestTick >= age)
            {
                bool isRoomLeft = PlanRegion(region, age, wanted - planned, mayRegister: true, out int count);
                planned += count;
                if (count == 0)
                {
                    region.FindOldest(); // not to look again at every page before one can be old enough
                }

                if (!isRoomLeft)
                {
                    break;
                }
            }
        }
    }

    // Plans the moves of a region's Clear pages that are old enough, in runs. False when there is no room for more.
    private bool PlanRegion(Region region, int age, int wanted, bool mayRegister, out int planned)
    {
        planned = 0;
        // Of pages scattered over a large memory, regions hold a few each: they are found by their bits.
        int next = 0;
        while (planned < wanted && (next = region.NextClear(next)) < Region.PageCount)
        {
            int index = next++;
            if (!IsEligible(region, index, age))
            {
                continue;
            }

            PageNumber first = new(region.FirstPage + (ulong)index);
            int rest = RestOfVma(first, mayRegister, out bool isRegistered);
            if (!isRegistered)
            {
                next = index + Math.Min(rest, Region.PageCount); // nor is any other page of that VMA
                continue;
            }

            int count = CountEligible(region, index, Math.Min(rest, wanted - planned), age);
            if (count > 0 && !TryPlan(first, count))
            {
                return false;
            }

            planned += count;
            next = index + Math.Max(count, 1);
        }

        return true;
    }

    // How many pages of a region, from one on, can be planned together.
    private int CountEligible(Region region, int first, int most, int age)
    {
        int count = 0;
        while (count < most && first + count < Region.PageCount && IsEligible(region, first + count, age))
        {
            count++;
        }

        return count;
    }

    private bool IsEligible(Region region, int index, int age)
    {
        PageEntry entry = region[index];
        return entry.State == PageState.Clear && !entry.IsDoomed && _context.Tick - entry.Value >= age
            && (_busyUntil.Count == 0 || !_busyUntil.ContainsKey(region.FirstPage + (ulong)index))
            && !_threadPages.Contains(region.FirstPage + (ulong)index);
    }

    private void PlanProbes(Region region)
    {
        int step = Region.PageCount / ProbesPerRegion;
        for (int probe = 0; probe < ProbesPerRegion; probe++)
        {
            int start = (probe * step) + (int)(NextRandom() % (uint)step);
            int index = NextProbe(region, start, Region.PageCount);
            index = index < Region.PageCount ? index : NextProbe(region, 0, start);
            if (index == Region.PageCount)
            {
                return;
            }

            PageNumber page = new(region.FirstPage + (ulong)index);
            _ = RestOfVma(page, mayRegister: false, out bool isRegistered);
            if (isRegistered)
            {
                _ = TryPlan(page, 1); // false: no room, the region is probed with fewer
            }
        }
    }

    // The first page of a part of a region that can be a probe; PageCount when there is none. By the bits: many regions hold one Clear page.
    private int NextProbe(Region region, int from, int end)
    {
        for (int i = region.NextClear(from); i < end; i = region.NextClear(i + 1))
        {
            if (IsEligible(region, i, 0) && !IsPlanned(new(region.FirstPage + (ulong)i)))
            {
                return i;
            }
        }

        return Region.PageCount;
    }

    private bool IsPlanned(PageNumber page)
    {
        for (int i = Math.Max(0, _planned - ProbesPerRegion); i < _planned; i++)
        {
            if (_plan[i].First == page)
            {
                return true;
            }
        }

        return false;
    }

    private void CallCold(Region region)
    {
        region.ProbeTick = 0;
        region.Patience = Math.Max(1, region.Patience / 2);
        QueueLimboOf(region);
        if (region.ClearCount > 0 && !region.IsCold)
        {
            region.IsCold = true;
            _cold.Enqueue(region); // once: a page must not be planned twice
        }
    }

    // A probe was missed: the region is in use. Its other probes were not missed and are sealed.
    private void WelcomeBack(Region region)
    {
        region.ProbeTick = 0;
        region.Patience = Math.Min(MaxPatience, region.Patience * 2);
        QueueLimboOf(region);
    }

    private void QueueLimboOf(Region region)
    {
        for (int i = 0; i < Region.PageCount; i++)
        {
            if (region[i].State == PageState.Limbo)
            {
                _queue.Add(region[i].Value);
            }
        }
    }

    private uint NextRandom()
    {
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        return _random;
    }
}
