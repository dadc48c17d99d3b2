using System;
using Strongroom.Core;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <summary>What a staging slot holds.</summary>
internal enum SlotState : byte
{
    /// <summary>No page is mapped there.</summary>
    Free,

    /// <summary>A page in Limbo.</summary>
    Full,

    /// <summary>Plaintext of a page that is sealed, rescued or dropped: to be dropped.</summary>
    Dirty,

    /// <summary>The agent was told to drop it.</summary>
    Dropping,
}

/// <summary>
/// The staging slots of one agent: Free → Full → Dirty → Dropping → Free, and Free → Dirty when one was found filled. Guarded by:
/// only the pager thread touches it.
/// </summary>
internal sealed class StagingSlots
{
    private readonly SlotState[] _states = new SlotState[AgentLayout.SlotCount];
    private readonly ulong[] _pages = new ulong[AgentLayout.SlotCount];
    private readonly int[] _counts = new int[4];

    /// <summary>Makes slots that are all free.</summary>
    internal StagingSlots()
    {
        _counts[(int)SlotState.Free] = AgentLayout.SlotCount;
    }

    /// <summary>Gets how many slots are in a state.</summary>
    internal int CountOf(SlotState state) => _counts[(int)state];

    /// <summary>Gets the state of a slot.</summary>
    internal SlotState StateOf(int slot) => _states[slot];

    /// <summary>Gets the page that a Full slot holds.</summary>
    internal PageNumber PageOf(int slot) => new(_pages[slot]);

    /// <summary>Finds a run of free slots.</summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="wanted">How many would be welcome; at least 1.</param>
    /// <param name="slot">The first of the run.</param>
    /// <returns>The length of the run, at most <paramref name="wanted"/>; 0 when there is none from there on.</returns>
    internal int FindFree(int from, int wanted, out int slot) => FindRun(SlotState.Free, from, wanted, out slot);

    /// <summary>Finds a run of slots in a state.</summary>
    internal int FindRun(SlotState state, int from, int wanted, out int slot)
    {
        int offset = _states.AsSpan(Math.Min(from, _states.Length)).IndexOf(state);
        if (offset < 0)
        {
            slot = _states.Length;
            return 0;
        }

        slot = from + offset;

        int other = _states.AsSpan(slot).IndexOfAnyExcept(state);
        return Math.Min(wanted, other < 0 ? _states.Length - slot : other);
    }

    /// <summary>Puts a page into a Free slot.</summary>
    internal void Fill(int slot, PageNumber page)
    {
        _pages[slot] = page.Value;
        Change(slot, SlotState.Free, SlotState.Full);
    }

    /// <summary>Notes that a Full slot's page has left it.</summary>
    internal void Soil(int slot) => Change(slot, SlotState.Full, SlotState.Dirty);

    /// <summary>Notes that Free slots hold pages after all.</summary>
    internal void Spoil(int slot, int count)
    {
        for (int i = slot; i < slot + count; i++)
        {
            if (_states[i] == SlotState.Free)
            {
                Change(i, SlotState.Free, SlotState.Dirty);
            }
        }
    }

    /// <summary>Notes that the agent drops a Dirty slot.</summary>
    internal void Drop(int slot) => Change(slot, SlotState.Dirty, SlotState.Dropping);

    /// <summary>Notes that the agent has dropped all Dropping slots.</summary>
    internal void FreeDropped()
    {
        for (int slot = 0; slot < _states.Length; slot++)
        {
            if (_states[slot] == SlotState.Dropping)
            {
                Change(slot, SlotState.Dropping, SlotState.Free);
            }
        }
    }

    /// <summary>Moves the page of a Full slot: mremap gave it another address.</summary>
    internal void Readdress(int slot, PageNumber page) => _pages[slot] = page.Value;

    private void Change(int slot, SlotState from, SlotState to)
    {
        if (_states[slot] != from)
        {
            Invariant.Fail($"staging slot {slot} is {_states[slot]} and cannot become {to}");
        }

        _states[slot] = to;
        _counts[(int)from]--;
        _counts[(int)to]++;
    }
}
