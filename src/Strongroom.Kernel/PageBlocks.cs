using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>Blocks of 512 pages outside the garbage collector's heap, each with a number: for what is not secret (ciphertext).</summary>
/// <remarks>
/// Where a block lies is looked up in one array that is small enough to stay in the cache, so that a fault that needs a page of it waits for
/// memory once, for the page. A number that names no block is refused. Guarded by: its owner's thread.
/// </remarks>
internal sealed class PageBlocks : IDisposable
{
    /// <summary>log2 of <see cref="PageCount"/>.</summary>
    internal const int PageCountShift = 9;

    /// <summary>Pages in a block; 2 MiB, which may be one huge page.</summary>
    internal const int PageCount = 1 << PageCountShift;

    private const int GroupPages = 32;
    private const int FetchedBytes = 20 * CacheLine.Bytes;

    private readonly List<NativePages?> _owners = [];
    private readonly Stack<int> _freeNumbers = new();
    private nint[] _addresses = new nint[16]; // 0: there is no such block
    private uint[] _populated = new uint[16]; // a bit for each group of pages

    /// <summary>Maps a block of zeros.</summary>
    /// <returns>Its number: the lowest ones first, roughly.</returns>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal int Map()
    {
        NativePages pages = NativePages.MapAligned(PageCount * PageNumber.SizeBytes);
        if (!_freeNumbers.TryPop(out int block))
        {
            block = _owners.Count;
            _owners.Add(null);
            if (block == _addresses.Length)
            {
                Array.Resize(ref _addresses, 2 * block);
                Array.Resize(ref _populated, 2 * block);
            }
        }

        _owners[block] = pages;
        _addresses[block] = pages.Address;
        _populated[block] = 0;
        return block;
    }

    /// <summary>Gives a block back to the kernel. Its number may come back.</summary>
    internal void Unmap(int block)
    {
        NativePages pages = _owners[block] ?? throw new ArgumentOutOfRangeException(nameof(block), block, "There is no such block.");
        _owners[block] = null;
        _addresses[block] = 0;
        _freeNumbers.Push(block);
        pages.Dispose();
    }

    /// <summary>Asks the kernel for one huge page for a block that was not touched yet, or for small ones.</summary>
    /// <remarks>The first touch of a block of the first kind then takes as long as the kernel needs to find and zero 2 MiB. madvise(2).</remarks>
    internal void Advise(int block, bool isHuge) =>
        _owners[block]!.Advise(isHuge ? Libc.MADV_HUGEPAGE : Libc.MADV_NOHUGEPAGE);

    /// <summary>Has the kernel map the first page of a block, and with it all others if it gives a huge page.</summary>
    internal void PopulateFirst(int block) => _owners[block]!.Populate(0, PageNumber.SizeBytes);

    /// <summary>Has the kernel map a page and those beside it, if it is the first of them to be used: one call in place of many faults.</summary>
    internal void Prepare(int block, int index)
    {
        int group = index / GroupPages;
        if ((_populated[block] & (1u << group)) == 0)
        {
            _populated[block] |= 1u << group;
            _owners[block]!.Populate(group * GroupPages << PageNumber.Shift, GroupPages << PageNumber.Shift);
        }
    }

    /// <summary>Gets a page's 4096 bytes; valid until the block is unmapped.</summary>
    /// <param name="block">A block.</param>
    /// <param name="index">0 to 511.</param>
    internal unsafe Span<byte> Page(int block, int index)
    {
        // SAFETY: Address refuses what is no page of a mapped block; the block is unmapped by its owner alone, on the thread that uses the span.
        return new Span<byte>((void*)Address(block, index), PageNumber.SizeBytes);
    }

    /// <summary>Has the processor fetch the beginning of a page into its cache while other work is done.</summary>
    /// <remarks>As many lines as it can wait for at a time; while they are worked on, it fetches the others by itself.</remarks>
    /// <inheritdoc cref="Page" path="/param"/>
    internal void Prefetch(int block, int index) => CacheLine.Fetch(Page(block, index)[..FetchedBytes]);

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int block = 0; block < _owners.Count; block++)
        {
            if (_owners[block] is not null)
            {
                Unmap(block);
            }
        }
    }

    private nint Address(int block, int index)
    {
        nint address = _addresses[block];
        if (address == 0 || index is < 0 or >= PageCount)
        {
            Refuse(block, index);
        }

        return address + (index << PageNumber.Shift);
    }

    // Apart from its caller, which is then few instructions: a fault finds them in no cache either.
    private static void Refuse(int block, int index) =>
        throw new ArgumentOutOfRangeException(nameof(block), block, $"There is no page {index} of such a block.");
}
