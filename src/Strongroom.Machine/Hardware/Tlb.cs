using System;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Strongroom.Machine.Hardware;

/// <summary>The sizes of page that one entry can map.</summary>
internal enum PageSize
{
    /// <summary>4 KiB.</summary>
    Small,

    /// <summary>2 MiB.</summary>
    Medium,

    /// <summary>1 GiB.</summary>
    Large,
}

/// <summary>The TLBs of one CPU: a first level per page size and a second level for 4 KiB and 2 MiB pages.</summary>
/// <remarks>
/// An entry keeps the page-table entry as it was when it was walked, KeyID included: it stays in force after the table
/// changed, until it is flushed. A tag is the address space's number (PCID) and the page's number. Thread safety: none.
/// </remarks>
internal sealed class Tlb
{
    /// <summary>The address-space number of kernel mappings, which are global.</summary>
    internal const ushort GlobalSpace = 0;

    private readonly Level _small;
    private readonly Level _medium = new(32, 4);
    private readonly Level _large = new(4, 4);
    private readonly Level _second;

    /// <summary>Makes empty TLBs.</summary>
    internal Tlb(MachineConfig config)
    {
        _small = new Level(config.TlbEntries, 4);
        _second = new Level(config.StlbEntries, 8);
    }

    /// <summary>Gets the lookups that a first-level TLB did not answer.</summary>
    internal ulong FirstLevelMisses { get; private set; }

    /// <summary>Gets the lookups that needed a walk of the page tables.</summary>
    internal ulong Walks { get; private set; }

    /// <summary>Gets the number of shootdowns and flushes that reached this CPU.</summary>
    internal ulong Flushes { get; private set; }

    /// <summary>Looks a page up.</summary>
    /// <param name="space">The address-space number.</param>
    /// <param name="address">Any address in the page.</param>
    /// <param name="pte">The remembered entry.</param>
    /// <param name="size">The size of the page that it maps.</param>
    internal bool TryFind(ushort space, ulong address, out ulong pte, out PageSize size)
    {
        size = PageSize.Small;
        ulong tag = Tag(space, address, PageSize.Small);
        if (_small.TryFind(tag, out pte))
        {
            return true;
        }

        size = PageSize.Medium;
        if (_medium.TryFind(Tag(space, address, PageSize.Medium), out pte))
        {
            return true;
        }

        size = PageSize.Large;
        if (_large.TryFind(Tag(space, address, PageSize.Large), out pte))
        {
            return true;
        }

        FirstLevelMisses++;
        size = PageSize.Small;
        if (_second.TryFind(tag, out pte))
        {
            _small.Insert(tag, pte);
            return true;
        }

        size = PageSize.Medium;
        ulong mediumTag = Tag(space, address, PageSize.Medium);
        if (_second.TryFind(mediumTag, out pte))
        {
            _medium.Insert(mediumTag, pte);
            return true;
        }

        Walks++;
        return false;
    }

    /// <summary>Remembers what a walk found.</summary>
    internal void Insert(ushort space, ulong address, PageSize size, ulong pte)
    {
        ulong tag = Tag(space, address, size);
        switch (size)
        {
            case PageSize.Small:
                _small.Insert(tag, pte);
                _second.Insert(tag, pte);
                break;
            case PageSize.Medium:
                _medium.Insert(tag, pte);
                _second.Insert(tag, pte);
                break;
            default:
                _large.Insert(tag, pte);
                break;
        }
    }

    /// <summary>INVLPG: forgets the page that holds an address, whatever its size.</summary>
    internal void FlushPage(ushort space, ulong address)
    {
        Flushes++;
        _small.Remove(Tag(space, address, PageSize.Small));
        _second.Remove(Tag(space, address, PageSize.Small));
        _medium.Remove(Tag(space, address, PageSize.Medium));
        _second.Remove(Tag(space, address, PageSize.Medium));
        _large.Remove(Tag(space, address, PageSize.Large));
    }

    /// <summary>Forgets every page of every address space, global ones too.</summary>
    internal void FlushAll()
    {
        Flushes++;
        _small.Clear();
        _medium.Clear();
        _large.Clear();
        _second.Clear();
    }

    // 45 bits of page number at most (57-bit addresses), 16 of address space, 2 of size: the tag never collides.
    private static ulong Tag(ushort space, ulong address, PageSize size)
    {
        ulong page = (address & 0x1ff_ffff_ffff_ffff) >> (12 + ((int)size * 9));
        return (page << 18) | ((ulong)space << 2) | ((ulong)size + 1);
    }

    private sealed class Level
    {
        private readonly ulong[] _tags;
        private readonly ulong[] _ptes;
        private readonly byte[] _next;
        private readonly int _ways;
        private readonly ulong _setMask;

        internal Level(int entries, int ways)
        {
            _tags = new ulong[entries];
            _ptes = new ulong[entries];
            _next = new byte[entries / ways];
            _ways = ways;
            _setMask = (ulong)(entries / ways) - 1;
        }

        internal bool TryFind(ulong tag, out ulong pte)
        {
            // Ways are four or eight: one or two compares of four tags.
            int start = Set(tag) * _ways;
            ReadOnlySpan<ulong> set = _tags.AsSpan(start, _ways);
            Vector256<ulong> wanted = Vector256.Create(tag);
            for (int way = 0; way < set.Length; way += Vector256<ulong>.Count)
            {
                Vector256<ulong> tags = Vector256.Create(set.Slice(way, Vector256<ulong>.Count));
                uint hits = Vector256.Equals(tags, wanted).ExtractMostSignificantBits();
                if (hits != 0)
                {
                    pte = _ptes[start + way + BitOperations.TrailingZeroCount(hits)];
                    return true;
                }
            }

            pte = 0;
            return false;
        }

        internal void Insert(ulong tag, ulong pte)
        {
            int set = Set(tag);
            int start = set * _ways;
            int chosen = start + _next[set];
            for (int slot = start; slot < start + _ways; slot++)
            {
                if (_tags[slot] == tag || _tags[slot] == 0)
                {
                    chosen = slot;
                    break;
                }
            }

            // First in, first out: TLBs publish no replacement rule, and counts here are not calibrated against one.
            _next[set] = (byte)((chosen - start + 1) % _ways);
            _tags[chosen] = tag;
            _ptes[chosen] = pte;
        }

        internal void Remove(ulong tag)
        {
            int start = Set(tag) * _ways;
            for (int slot = start; slot < start + _ways; slot++)
            {
                if (_tags[slot] == tag)
                {
                    _tags[slot] = 0;
                }
            }
        }

        internal void Clear() => Array.Clear(_tags);

        private int Set(ulong tag) => (int)((tag >> 18) & _setMask);
    }
}
