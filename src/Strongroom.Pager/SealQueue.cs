using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <summary>
/// The Full staging slots whose pages are to be encrypted: first those that the agent lent to its pipe, in the order of the pipe, then those that
/// are to be read where they are.
/// </summary>
/// <remarks>
/// A slot is queued once at most, and leaves the queue before it can be filled again; of a page that left its slot otherwise, the copy
/// in the pipe is read past. Guarded by: only the pager thread touches it.
/// </remarks>
internal sealed class SealQueue
{
    private const int Gone = -1;

    private readonly int[] _piped = new int[PagePipe.Capacity];
    private readonly Place[] _places = new Place[AgentLayout.SlotCount];
    private readonly int[] _indexes = new int[AgentLayout.SlotCount]; // in _piped, of a slot that is InPipe: a fault must not search
    private int _firstPiped;
    private int _inStaging;

    private enum Place : byte
    {
        NotQueued,
        InPipe,
        InStaging,
    }

    /// <summary>Gets how many pages lie in the pipe, those that left their slots included.</summary>
    internal int PipedCount { get; private set; }

    /// <summary>Gets a value indicating whether nothing is queued, and nothing is left in the pipe.</summary>
    internal bool IsEmpty => PipedCount == 0 && _inStaging == 0;

    /// <summary>Queues a slot whose page is the next in the pipe.</summary>
    internal void AddPiped(int slot)
    {
        if (PipedCount == _piped.Length || _places[slot] != Place.NotQueued)
        {
            Invariant.Fail($"staging slot {slot} cannot be queued behind {PipedCount} in the pipe");
        }

        int at = (_firstPiped + PipedCount++) % _piped.Length;
        _places[slot] = Place.InPipe;
        _indexes[slot] = at;
        _piped[at] = slot;
    }

    /// <summary>Queues a slot unless it is queued.</summary>
    internal void Add(int slot)
    {
        if (_places[slot] == Place.NotQueued)
        {
            _places[slot] = Place.InStaging;
            _inStaging++;
        }
    }

    /// <summary>Notes that the page of a slot has left it.</summary>
    internal void Leave(int slot)
    {
        if (_places[slot] == Place.InStaging)
        {
            _inStaging--;
        }
        else if (_places[slot] == Place.InPipe)
        {
            _piped[_indexes[slot]] = Gone;
        }

        _places[slot] = Place.NotQueued;
    }

    /// <summary>Takes slots whose pages are the next in the pipe; a negative number stands for a page that is to be read past.</summary>
    /// <param name="slots">Receives them; all of them must be read.</param>
    /// <returns>How many; 0 when the pipe is empty.</returns>
    internal int TakePiped(Span<int> slots)
    {
        int count = Math.Min(slots.Length, PipedCount);
        for (int i = 0; i < count; i++)
        {
            int slot = _piped[_firstPiped];
            _piped[_firstPiped] = Gone;
            _firstPiped = (_firstPiped + 1) % _piped.Length;
            slots[i] = slot;
            if (slot != Gone)
            {
                _places[slot] = Place.NotQueued;
            }
        }

        PipedCount -= count;
        return count;
    }

    /// <summary>Takes slots beside each other that are to be read in staging.</summary>
    /// <param name="slots">Receives them.</param>
    /// <returns>How many; 0 when there is none.</returns>
    internal int TakeRun(Span<int> slots)
    {
        int first = Array.IndexOf(_places, Place.InStaging);
        int count = 0;
        while (first >= 0 && count < slots.Length && first + count < _places.Length && _places[first + count] == Place.InStaging)
        {
            _places[first + count] = Place.NotQueued;
            slots[count] = first + count;
            count++;
        }

        _inStaging -= count;
        return count;
    }
}
