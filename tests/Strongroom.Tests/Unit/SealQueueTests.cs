using System;
using System.Collections.Generic;
using Strongroom.Kernel;
using Strongroom.Pager;
using Strongroom.Pager.Agent;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>The queue of staging slots against lists: what lies in the pipe is read in its order, each slot once, none that was left.</summary>
public class SealQueueTests
{
    private readonly SealQueue _queue = new();
    private readonly List<int?> _piped = [];        // null: left since it was lent
    private readonly SortedSet<int> _inStaging = [];

    [Fact]
    public void Behaves_as_two_lists()
    {
        Random random = new(TestSeed.Choose());
        for (int step = 0; step < 20_000; step++)
        {
            int slot = random.Next(AgentLayout.SlotCount);
            switch (random.Next(5))
            {
                case 0 or 1 when _piped.Count < PagePipe.Capacity && !IsQueued(slot):
                    _queue.AddPiped(slot);
                    _piped.Add(slot);
                    break;
                case 2:
                    _queue.Add(slot);
                    _ = IsQueued(slot) || _inStaging.Add(slot);
                    break;
                case 3:
                    Leave(IsQueued(slot) || _piped.Count == 0 ? slot : _piped[random.Next(_piped.Count)] ?? slot);
                    break;
                case 4:
                    Take(random.Next(1, 40));
                    break;
            }

            Assert.Equal(_piped.Count, _queue.PipedCount);
            Assert.Equal(_piped.Count + _inStaging.Count == 0, _queue.IsEmpty);
        }
    }

    private bool IsQueued(int slot) => _piped.Contains(slot) || _inStaging.Contains(slot);

    private void Leave(int slot)
    {
        _queue.Leave(slot);
        _ = _inStaging.Remove(slot);
        int at = _piped.IndexOf(slot);
        if (at >= 0)
        {
            _piped[at] = null;
        }
    }

    private void Take(int most)
    {
        Span<int> slots = stackalloc int[most];
        int piped = _queue.TakePiped(slots);
        Assert.Equal(Math.Min(most, _piped.Count), piped);
        for (int i = 0; i < piped; i++)
        {
            Assert.Equal(_piped[i] ?? -1, slots[i]);
        }

        _piped.RemoveRange(0, piped);
        if (piped > 0)
        {
            return;
        }

        int run = _queue.TakeRun(slots);
        Assert.Equal(_inStaging.Count > 0, run > 0);
        for (int i = 0; i < run; i++)
        {
            Assert.Equal(i == 0 ? _inStaging.Min : slots[i - 1] + 1, slots[i]);
            Assert.True(_inStaging.Remove(slots[i]));
        }
    }
}
