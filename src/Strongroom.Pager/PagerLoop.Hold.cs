using System.Diagnostics;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>Holding a program that changes the layout without a pause. Fills, moves and looks are only possible between two changes, and
/// where threads wait for processors the program runs from one to the next while this thread waits for its turn.</content>
internal sealed partial class PagerLoop
{
    private static readonly long s_holdAfter = Stopwatch.Frequency / 250; // 4 ms

    // Asked for again while it does not help: a thread that slept may have begun, and a stop can be lost (Tracer.GoOn). Ever more seldom, for
    // it may be one change that takes long.
    private void HoldIfUnsettled(TargetMemory memory, AddressSpace space)
    {
        if (space.Agent is null)
        {
            return; // after a fork: stopped anyway
        }

        if (!space.IsUnsettled)
        {
            if (memory.Holds > 0)
            {
                _tracer.Post(new GoOnRequest(memory));
            }

            memory.UnsettledSince = 0;
            memory.Holds = 0;
            return;
        }

        long now = Stopwatch.GetTimestamp();
        memory.UnsettledSince = memory.UnsettledSince == 0 ? now : memory.UnsettledSince;
        if (now - memory.UnsettledSince >= s_holdAfter << memory.Holds)
        {
            memory.Holds++;
            _tracer.Post(new HoldRequest(memory));
        }
    }
}
