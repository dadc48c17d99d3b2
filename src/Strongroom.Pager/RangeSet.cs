using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Pager;

/// <summary>A set of addresses, kept as disjoint ascending ranges.</summary>
internal sealed class RangeSet
{
    private readonly List<AddressRange> _ranges = [];

    /// <summary>Gets the ranges, ascending and disjoint.</summary>
    internal IReadOnlyList<AddressRange> Ranges => _ranges;

    /// <summary>Gets a value indicating whether there is no range.</summary>
    internal bool IsEmpty => _ranges.Count == 0;

    /// <summary>Tells whether some address of a range is in the set.</summary>
    internal bool Overlaps(AddressRange range)
    {
        int i = IndexOfFirstEndingAfter(range.Start);
        return i < _ranges.Count && _ranges[i].Overlaps(range);
    }

    /// <summary>Tells whether every address of a range is in the set.</summary>
    internal bool Contains(AddressRange range)
    {
        int i = IndexOfFirstEndingAfter(range.Start);
        return i < _ranges.Count && _ranges[i].Start.Value <= range.Start.Value && _ranges[i].End.Value >= range.End.Value;
    }

    /// <summary>Lists the parts of a range that are in the set, or those that are not; ascending.</summary>
    internal List<AddressRange> PartsOf(AddressRange range, bool inSet)
    {
        List<AddressRange> parts = [];
        VirtualAddress at = range.Start;
        for (int i = IndexOfFirstEndingAfter(range.Start); i < _ranges.Count && _ranges[i].Overlaps(range); i++)
        {
            VirtualAddress start = new(Math.Max(_ranges[i].Start.Value, range.Start.Value));
            VirtualAddress end = new(Math.Min(_ranges[i].End.Value, range.End.Value));
            if (inSet)
            {
                parts.Add(new(start, end));
            }
            else if (at.Value < start.Value)
            {
                parts.Add(new(at, start));
            }

            at = end;
        }

        if (!inSet && at.Value < range.End.Value)
        {
            parts.Add(new(at, range.End));
        }

        return parts;
    }

    /// <summary>Adds a range, joining it with what it touches.</summary>
    internal void Add(AddressRange range)
    {
        if (range.IsEmpty)
        {
            return;
        }

        ulong start = range.Start.Value;
        ulong end = range.End.Value;
        int first = 0;
        while (first < _ranges.Count && _ranges[first].End.Value < start)
        {
            first++;
        }

        int last = first;
        while (last < _ranges.Count && _ranges[last].Start.Value <= end)
        {
            start = Math.Min(start, _ranges[last].Start.Value);
            end = Math.Max(end, _ranges[last].End.Value);
            last++;
        }

        _ranges.RemoveRange(first, last - first);
        _ranges.Insert(first, new(new(start), new(end)));
    }

    /// <summary>Takes a range out.</summary>
    internal void Remove(AddressRange range)
    {
        for (int i = IndexOfFirstEndingAfter(range.Start); i < _ranges.Count && _ranges[i].Overlaps(range);)
        {
            AddressRange old = _ranges[i];
            _ranges.RemoveAt(i);
            if (old.Start.Value < range.Start.Value)
            {
                _ranges.Insert(i++, new(old.Start, range.Start));
            }

            if (old.End.Value > range.End.Value)
            {
                _ranges.Insert(i++, new(range.End, old.End));
            }
        }
    }

    /// <summary>Adds ranges, joining each with what it touches.</summary>
    internal void AddAll(IReadOnlyList<AddressRange> ranges)
    {
        foreach (AddressRange range in ranges)
        {
            Add(range);
        }
    }

    /// <summary>Takes everything out.</summary>
    internal void Clear() => _ranges.Clear();

    /// <summary>Finds the first of disjoint ascending ranges that ends behind an address. Allocates nothing.</summary>
    /// <param name="items">What has the ranges.</param>
    /// <param name="address">The address.</param>
    /// <param name="rangeOf">Gets the range of an item; captures nothing.</param>
    /// <returns>Its index; the count when there is none.</returns>
    internal static int FirstEndingAfter<T>(List<T> items, VirtualAddress address, Func<T, AddressRange> rangeOf)
    {
        int low = 0;
        int high = items.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (rangeOf(items[middle]).End.Value > address.Value)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private int IndexOfFirstEndingAfter(VirtualAddress address) => FirstEndingAfter(_ranges, address, static range => range);
}
