using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Strongroom.Tests.Integrity;

/// <summary>A stretch of a driven process's memory, with the bytes that it must hold.</summary>
internal sealed class ShadowRegion
{
    public const int PageBytes = 4096;

    /// <summary>First address.</summary>
    public required ulong Address { get; init; }

    /// <summary>What the memory must hold.</summary>
    public required byte[] Bytes { get; init; }

    /// <summary>Pages given back by MADV_FREE and not written since: they may read as zero at any time (madvise(2)).</summary>
    public required bool[] MayBeZero { get; init; }

    /// <summary>PROT_* of the mapping.</summary>
    public int Protection { get; set; } = 3;

    /// <summary>Whether it is under mlock.</summary>
    public bool IsLocked { get; set; }

    /// <summary>First address behind it.</summary>
    public ulong End => Address + (ulong)Bytes.Length;

    /// <summary>Length in pages.</summary>
    public int PageCount => MayBeZero.Length;

    /// <summary>A region of zeros.</summary>
    public static ShadowRegion Zero(ulong address, int bytes) =>
        new() { Address = address, Bytes = new byte[bytes], MayBeZero = new bool[bytes / PageBytes] };

    /// <summary>The same content at another place, cut or filled up with zeros to another length.</summary>
    public ShadowRegion At(ulong address, int bytes)
    {
        ShadowRegion moved = Zero(address, bytes);
        moved.Protection = Protection;
        moved.IsLocked = IsLocked;
        Bytes.AsSpan(0, Math.Min(bytes, Bytes.Length)).CopyTo(moved.Bytes);
        MayBeZero.AsSpan(0, Math.Min(moved.PageCount, PageCount)).CopyTo(moved.MayBeZero);
        return moved;
    }

    /// <summary>Some pages of this region as a region of their own.</summary>
    public ShadowRegion Part(int firstPage, int pages) => new()
    {
        Address = Address + (ulong)(firstPage * PageBytes),
        Bytes = Bytes.AsSpan(firstPage * PageBytes, pages * PageBytes).ToArray(),
        MayBeZero = MayBeZero.AsSpan(firstPage, pages).ToArray(),
        Protection = Protection,
        IsLocked = IsLocked,
    };

    /// <summary>Writes the pattern that fill() of Programs/common.h writes.</summary>
    public void Fill(int offset, int length, ulong seed)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(Bytes.AsSpan(offset, length));
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = WordAt(seed, (ulong)i);
        }

        MayBeZero.AsSpan(offset / PageBytes, ((offset + length - 1) / PageBytes) - (offset / PageBytes) + 1).Clear();
    }

    /// <summary>Pages become zero (MADV_DONTNEED).</summary>
    public void Discard(int firstPage, int pages)
    {
        Bytes.AsSpan(firstPage * PageBytes, pages * PageBytes).Clear();
        MayBeZero.AsSpan(firstPage, pages).Clear();
    }

    /// <summary>The first offset at which what was read is not what must be there, or -1.</summary>
    public int FirstDifference(int offset, ReadOnlySpan<byte> seen)
    {
        for (int at = 0; at < seen.Length;)
        {
            int page = (offset + at) / PageBytes;
            int length = Math.Min(seen.Length - at, ((page + 1) * PageBytes) - offset - at);
            ReadOnlySpan<byte> piece = seen.Slice(at, length);
            ReadOnlySpan<byte> wanted = Bytes.AsSpan(offset + at, length);
            if (!piece.SequenceEqual(wanted) && !(MayBeZero[page] && !piece.ContainsAnyExcept((byte)0)))
            {
                return offset + at + piece.CommonPrefixLength(wanted);
            }

            at += length;
        }

        return -1;
    }

    private static ulong WordAt(ulong seed, ulong index)
    {
        unchecked
        {
            ulong x = (seed * 0x9e3779b97f4a7c15) + index + 1;
            x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
            x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
            return x ^ (x >> 31);
        }
    }
}

/// <summary>All that a driven process has mapped by order.</summary>
internal sealed class Shadow
{
    /// <summary>The regions, in no order; they never overlap.</summary>
    public List<ShadowRegion> Regions { get; } = [];

    /// <summary>Bytes in all regions.</summary>
    public long Bytes => Regions.Sum(r => (long)r.Bytes.Length);

    /// <summary>What a child has right after fork: everything but the locks (mlock(2)).</summary>
    public Shadow Fork()
    {
        Shadow child = new();
        foreach (ShadowRegion region in Regions)
        {
            ShadowRegion copy = region.Part(0, region.PageCount);
            copy.IsLocked = false;
            child.Regions.Add(copy);
        }

        return child;
    }

    /// <summary>Cuts a range out of whatever covers it.</summary>
    public void Remove(ulong address, ulong length)
    {
        foreach (ShadowRegion region in Regions.Where(r => r.Address < address + length && address < r.End).ToList())
        {
            _ = Regions.Remove(region);
            if (region.Address < address)
            {
                Regions.Add(region.Part(0, (int)((address - region.Address) / ShadowRegion.PageBytes)));
            }

            if (region.End > address + length)
            {
                int pages = (int)((region.End - address - length) / ShadowRegion.PageBytes);
                Regions.Add(region.Part(region.PageCount - pages, pages));
            }
        }
    }
}
