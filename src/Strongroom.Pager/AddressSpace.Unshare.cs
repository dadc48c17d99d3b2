using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Pages that the kernel does not move: shared with a forked relative, or pinned by it (direct I/O, io_uring). The first is cured by
/// a write that changes nothing, and the pages are moved at once, because the next fork shares them again. What is still busy after that
/// without another fork is pinned, and left alone for a while.</content>
internal sealed partial class AddressSpace
{
    private const int UnshareAtOnce = 4;
    private const int UnshareQueue = 64;
    private const int IdleTimesPinned = 16;

    private readonly Dictionary<ulong, int> _busyUntil = [];
    private readonly HashSet<ulong> _unshared = []; // since the last fork
    private readonly Queue<(PageNumber First, int Count)> _toUnshare = new();
    private readonly Queue<(PageNumber First, int Count)> _unsharing = new();

    private void NoteBusy(PageNumber page, int count)
    {
        if (_busyUntil.TryGetValue(page.Value, out int until) && until > _context.Tick)
        {
            return;
        }

        bool isSecondTime = _busyUntil.ContainsKey(page.Value) || _unshared.Contains(page.Value);
        if (isSecondTime)
        {
            _busyUntil[page.Value] = _context.Tick + (IdleTimesPinned * _context.IdleTicks);
            _ = _unshared.Remove(page.Value);
        }
        else if (_toUnshare.Count < UnshareQueue)
        {
            _toUnshare.Enqueue((page, count));
            _ = _unshared.Add(page.Value);
        }
    }

    // Not awaited: the agent may meet a sealed page and wait for it.
    private void SendUnshare()
    {
        AgentMessage message = Agent!.Message;
        message.Clear();
        message.IsAside = true;
        _unsharing.Clear();
        while (_unsharing.Count < UnshareAtOnce && _toUnshare.TryDequeue(out (PageNumber First, int Count) run))
        {
            int count = CountEligible(_table.GetRegion(run.First), PageTable.IndexOf(run.First), run.Count, age: 0);
            if (count == 0)
            {
                _ = _unshared.Remove(run.First.Value); // sealed meanwhile: it would only be brought back
                continue;
            }

            ulong bytes = (ulong)count << PageNumber.Shift;
            _ = message.Add(Libc.SYS_madvise, run.First.Address.Value, bytes, Libc.MADV_POPULATE_WRITE);
            _unsharing.Enqueue((run.First, count));
        }

        if (_unsharing.Count > 0 && !Agent.TrySend())
        {
            Condemn("its agent was killed");
        }
    }

    // A plan for each run: they may overlap, and a page must not be planned twice.
    private void MoveUnshared()
    {
        while (CanMove && _unsharing.TryDequeue(out (PageNumber First, int Count) run))
        {
            BeginPlan(isOfProbes: false);
            PlanRun(_table.GetRegion(run.First), PageTable.IndexOf(run.First), run.Count);
            FutileTick = ExecutePlan() > 0 ? 0 : FutileTick;
        }
    }

    // What of a run within a region can still be moved. Without room it stays Clear, to be chosen again.
    private void PlanRun(Region region, int first, int count)
    {
        AddressRange range = AddressRange.FromLength(new PageNumber(region.FirstPage + (ulong)first).Address, (ulong)count << PageNumber.Shift);
        if (!_registered.Contains(range))
        {
            return;
        }

        for (int index = first; index < first + count; index++)
        {
            int eligible = CountEligible(region, index, first + count - index, age: 0);
            if (eligible > 0)
            {
                _ = TryPlan(new(region.FirstPage + (ulong)index), eligible);
                index += eligible;
            }
        }
    }
}
