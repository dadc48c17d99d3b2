using System;

namespace Strongroom.Machine.Mm;

/// <summary>Which entries of which page tables map a frame.</summary>
/// <remarks>A list for each frame in one array. Thread safety: none. Allocates: only when the array grows.</remarks>
internal sealed class ReverseMap
{
    private readonly PageArray _pages;
    private Mapping[] _mappings = new Mapping[1024];
    private int _used;
    private int _free = -1;

    /// <summary>Makes an empty map.</summary>
    internal ReverseMap(PageArray pages)
    {
        _pages = pages;
    }

    /// <summary>Notes that a process maps a frame.</summary>
    /// <param name="frame">The frame; the first one of a huge page.</param>
    /// <param name="process">The process's number.</param>
    /// <param name="address">The first address of the page.</param>
    internal void Add(int frame, ushort process, ulong address)
    {
        int at = _free;
        if (at >= 0)
        {
            _free = _mappings[at].Next;
        }
        else
        {
            if (_used == _mappings.Length)
            {
                Array.Resize(ref _mappings, _used * 2);
            }

            at = _used++;
        }

        _mappings[at] = new Mapping(process, address, _pages.Rmap[frame]);
        _pages.Rmap[frame] = at;
    }

    /// <summary>Forgets that a process maps a frame.</summary>
    internal void Remove(int frame, ushort process, ulong address)
    {
        int previous = -1;
        for (int at = _pages.Rmap[frame]; at >= 0; at = _mappings[at].Next)
        {
            if (_mappings[at].Process != process || _mappings[at].Address != address)
            {
                previous = at;
                continue;
            }

            if (previous < 0)
            {
                _pages.Rmap[frame] = _mappings[at].Next;
            }
            else
            {
                _mappings[previous] = _mappings[previous] with { Next = _mappings[at].Next };
            }

            _mappings[at] = new Mapping(0, 0, _free);
            _free = at;
            return;
        }

        throw new ModelViolationException($"Frame {frame} is unmapped at an address where the reverse map does not have it.");
    }

    /// <summary>Counts the mappings of a frame.</summary>
    internal int Count(int frame)
    {
        int count = 0;
        for (int at = _pages.Rmap[frame]; at >= 0; at = _mappings[at].Next)
        {
            count++;
        }

        return count;
    }

    /// <summary>Takes the first mapping of a frame out.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryTake(int frame, out ushort process, out ulong address)
    {
        int at = _pages.Rmap[frame];
        if (at < 0)
        {
            process = 0;
            address = 0;
            return false;
        }

        process = _mappings[at].Process;
        address = _mappings[at].Address;
        _pages.Rmap[frame] = _mappings[at].Next;
        _mappings[at] = new Mapping(0, 0, _free);
        _free = at;
        return true;
    }

    /// <summary>Gets the first mapping of a frame without taking it out.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryPeek(int frame, out ushort process, out ulong address)
    {
        int at = _pages.Rmap[frame];
        process = at < 0 ? (ushort)0 : _mappings[at].Process;
        address = at < 0 ? 0 : _mappings[at].Address;
        return at >= 0;
    }

    private readonly record struct Mapping(ushort Process, ulong Address, int Next);
}
