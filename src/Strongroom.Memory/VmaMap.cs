using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>The VMAs of one address space, ordered by address and never overlapping.</summary>
/// <remarks>
/// A list of sorted chunks, two levels of binary search: finding touches two cache-warm arrays, and adding moves at
/// most one chunk and the list of chunks (1024 references at the kernel's limit of 65530 VMAs). A balanced tree costs
/// an object and a chain of misses for each step; a flat list moves half a megabyte for each split at that limit.
/// </remarks>
internal sealed class VmaMap
{
    private const int ChunkCapacity = 64;

    private readonly List<Chunk> _chunks = []; // none is empty

    /// <summary>Gets the number of VMAs.</summary>
    internal int Count { get; private set; }

    /// <summary>Finds the VMA that holds an address, or else the next one above it.</summary>
    internal Vma? FindAtOrAfter(VirtualAddress address)
    {
        if (_chunks.Count == 0)
        {
            return null;
        }

        int chunk = ChunkOf(address);
        int index = _chunks[chunk].LastStartingAtOrBefore(address);
        if (index >= 0 && address.Value < _chunks[chunk].Items[index].End.Value)
        {
            return _chunks[chunk].Items[index];
        }

        return index + 1 < _chunks[chunk].Count ? _chunks[chunk].Items[index + 1]
            : chunk + 1 < _chunks.Count ? _chunks[chunk + 1].Items[0] : null;
    }

    /// <summary>Finds the last VMA that starts below an address.</summary>
    internal Vma? FindBefore(VirtualAddress address)
    {
        if (_chunks.Count == 0 || address.Value == 0)
        {
            return null;
        }

        VirtualAddress below = new(address.Value - 1);
        Chunk chunk = _chunks[ChunkOf(below)];
        int index = chunk.LastStartingAtOrBefore(below);
        return index < 0 ? null : chunk.Items[index];
    }

    /// <summary>Adds a VMA, which must not overlap any other.</summary>
    internal void Add(Vma vma)
    {
        if (FindAtOrAfter(vma.Start) is { } other && other.Start.Value < vma.End.Value)
        {
            Invariant.Fail($"VMA {vma.Range} was added over {other.Range}.");
        }

        if (_chunks.Count == 0)
        {
            _chunks.Add(new());
        }

        int number = ChunkOf(vma.Start);
        if (_chunks[number].Count == ChunkCapacity)
        {
            _chunks.Insert(number + 1, _chunks[number].SplitOff());
            number = ChunkOf(vma.Start);
        }

        Chunk chunk = _chunks[number];
        chunk.Insert(chunk.LastStartingAtOrBefore(vma.Start) + 1, vma);
        Count++;
    }

    /// <summary>Removes a VMA that is in the map.</summary>
    internal void Remove(Vma vma)
    {
        int number = _chunks.Count == 0 ? -1 : ChunkOf(vma.Start);
        int index = number < 0 ? -1 : _chunks[number].LastStartingAtOrBefore(vma.Start);
        if (index < 0 || _chunks[number].Items[index] != vma)
        {
            Invariant.Fail($"VMA {vma.Range} was removed but is not there.");
        }

        _chunks[number].RemoveAt(index);
        Count--;
        if (_chunks[number].Count == 0)
        {
            _chunks.RemoveAt(number);
        }
    }

    /// <summary>Lists all VMAs by address. The map must not change meanwhile.</summary>
    internal IEnumerable<Vma> All()
    {
        foreach (Chunk chunk in _chunks)
        {
            for (int index = 0; index < chunk.Count; index++)
            {
                yield return chunk.Items[index];
            }
        }
    }

    /// <summary>Gets the chunk in which an address belongs: the last that starts at or before it, or else the
    /// first.</summary>
    private int ChunkOf(VirtualAddress address)
    {
        int low = 0;
        int high = _chunks.Count - 1;
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (_chunks[middle].Items[0].Start.Value <= address.Value)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private sealed class Chunk
    {
        internal Vma[] Items { get; } = new Vma[ChunkCapacity];

        internal int Count { get; private set; }

        internal int LastStartingAtOrBefore(VirtualAddress address)
        {
            int low = -1;
            int high = Count - 1;
            while (low < high)
            {
                int middle = low + ((high - low + 1) / 2);
                if (Items[middle].Start.Value <= address.Value)
                {
                    low = middle;
                }
                else
                {
                    high = middle - 1;
                }
            }

            return low;
        }

        internal void Insert(int index, Vma vma)
        {
            Array.Copy(Items, index, Items, index + 1, Count - index);
            Items[index] = vma;
            Count++;
        }

        internal void RemoveAt(int index)
        {
            Count--;
            Array.Copy(Items, index + 1, Items, index, Count - index);
            Items[Count] = null!; // so that the garbage collector may have it
        }

        internal Chunk SplitOff()
        {
            Chunk upper = new();
            int half = Count / 2;
            Array.Copy(Items, half, upper.Items, 0, Count - half);
            Array.Clear(Items, half, Count - half);
            upper.Count = Count - half;
            Count = half;
            return upper;
        }
    }
}
