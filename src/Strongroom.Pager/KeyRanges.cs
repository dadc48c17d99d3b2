using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;

namespace Strongroom.Pager;

/// <summary>Which addresses of one target carry a key of the program's own, in disjoint ascending ranges.</summary>
/// <remarks>
/// A range stands for a VMA: it holds one use of the key and one VMA reference of the slot. Ranges are one when they touch and agree in
/// key and in the protection that they were given. Guarded by: only the pager thread touches it. Looking up allocates nothing.
/// </remarks>
internal sealed class KeyRanges
{
    private readonly KeySlotTable? _slots;
    private readonly List<KeyRange> _ranges = [];

    /// <summary>Makes an empty map.</summary>
    /// <param name="slots">Where ranges leave their references; null when no program can make keys.</param>
    internal KeyRanges(KeySlotTable? slots)
    {
        _slots = slots;
    }

    /// <summary>Gets the ranges.</summary>
    internal IReadOnlyList<KeyRange> All => _ranges;

    /// <summary>Gets a value indicating whether no address has a key of its own: so it is in most programs.</summary>
    internal bool IsEmpty => _ranges.Count == 0;

    /// <summary>Finds the key of a page; null for none.</summary>
    internal KeyDomain? Find(PageNumber page)
    {
        VirtualAddress address = page.Address;
        int at = IndexOfFirstEndingAfter(address);
        return at < _ranges.Count && _ranges[at].Range.Contains(address) ? _ranges[at].Domain : null;
    }

    /// <summary>Gives a range a key; null takes it away.</summary>
    internal void Set(AddressRange range, KeyDomain? domain, Protection protection)
    {
        if (domain is not null)
        {
            Take(domain);
        }

        Remove(range);
        if (domain is null)
        {
            return;
        }

        int at = IndexOfFirstEndingAfter(range.Start);
        _ranges.Insert(at, new(range, domain, protection));
        Join(at);
        Join(at - 1);
    }

    /// <summary>Takes the keys away from a range that is not mapped any more.</summary>
    internal void Remove(AddressRange range)
    {
        for (int i = IndexOfFirstEndingAfter(range.Start); i < _ranges.Count && _ranges[i].Range.Overlaps(range);)
        {
            KeyRange old = _ranges[i];
            _ranges.RemoveAt(i);
            if (old.Range.Start.Value < range.Start.Value)
            {
                Take(old.Domain);
                _ranges.Insert(i++, old with { Range = new(old.Range.Start, range.Start) });
            }

            if (old.Range.End.Value > range.End.Value)
            {
                Take(old.Domain);
                _ranges.Insert(i++, old with { Range = new(range.End, old.Range.End) });
            }

            Drop(old.Domain);
        }
    }

    /// <summary>Lists the ranges of which some part lies in a range.</summary>
    internal void AddOverlapping(AddressRange range, List<KeyRange> found)
    {
        for (int i = IndexOfFirstEndingAfter(range.Start); i < _ranges.Count && _ranges[i].Range.Overlaps(range); i++)
        {
            found.Add(_ranges[i]);
        }
    }

    /// <summary>Takes out what part of a range has keys. The references go with it, until <see cref="Land"/>.</summary>
    /// <param name="range">Where.</param>
    /// <param name="lifted">Receives the parts.</param>
    internal void Lift(AddressRange range, List<KeyRange> lifted)
    {
        int first = lifted.Count;
        AddOverlapping(range, lifted);
        for (int i = first; i < lifted.Count; i++)
        {
            Take(lifted[i].Domain);
            lifted[i] = lifted[i] with { Range = lifted[i].Range.Intersect(range) };
        }

        Remove(range);
    }

    /// <summary>Puts down what was lifted.</summary>
    /// <param name="lifted">The part, with its references.</param>
    /// <param name="start">Where it begins now.</param>
    internal void Land(KeyRange lifted, VirtualAddress start)
    {
        Set(AddressRange.FromLength(start, lifted.Range.LengthBytes), lifted.Domain, lifted.Protection);
        Drop(lifted.Domain);
    }

    /// <summary>Takes over the ranges of a parent, each with references of its own.</summary>
    internal void Inherit(KeyRanges parent)
    {
        foreach (KeyRange range in parent._ranges)
        {
            Take(range.Domain);
            _ranges.Add(range);
        }
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        foreach (KeyRange range in _ranges)
        {
            Drop(range.Domain);
        }

        _ranges.Clear();
    }

    private void Join(int at)
    {
        if (at >= 0 && at + 1 < _ranges.Count && _ranges[at].Range.End == _ranges[at + 1].Range.Start
            && _ranges[at].Domain == _ranges[at + 1].Domain && _ranges[at].Protection == _ranges[at + 1].Protection)
        {
            Drop(_ranges[at].Domain);
            _ranges[at] = _ranges[at] with { Range = new(_ranges[at].Range.Start, _ranges[at + 1].Range.End) };
            _ranges.RemoveAt(at + 1);
        }
    }

    private void Take(KeyDomain domain)
    {
        _ = domain.Share();
        _slots?.AddVma(domain.KeyId);
    }

    private void Drop(KeyDomain domain)
    {
        domain.Release();
        _slots?.DropVma(domain.KeyId);
    }

    private int IndexOfFirstEndingAfter(VirtualAddress address) =>
        RangeSet.FirstEndingAfter(_ranges, address, static each => each.Range);
}

/// <summary>A range with a key.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Domain">The key.</param>
/// <param name="Protection">What it allows, as last known.</param>
internal readonly record struct KeyRange(AddressRange Range, KeyDomain Domain, Protection Protection);
