using System;
using System.Diagnostics;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>Memory for ciphertext, in blocks of 512 frames; those whose frames are all free are kept for the next pages to be sealed under any key.</summary>
/// <remarks>
/// New memory costs as much as all the rest of sealing. It is given back to the kernel bit by bit, and never by a fault. Guarded by: only the
/// pager thread touches it.
/// </remarks>
/// <param name="patienceTicks">For how many ticks nothing must have come or gone before what is kept is given back too.</param>
internal sealed class FramePool(int patienceTicks) : IDisposable
{
    /// <summary>log2 of the frames in a block.</summary>
    internal const int BlockShift = PageBlocks.PageCountShift;

    /// <summary>No block.</summary>
    internal const int None = -1;

    /// <summary>What is kept for that long: 64 MiB.</summary>
    private const int KeptSpares = 32;

    private readonly PageBlocks _blocks = new();
    private readonly HugePageTrial _trial = new();
    private int[] _next = new int[16]; // of a spare block, the next one
    private int _first = None;
    private int _count;
    private int _quietTicks;

    /// <summary>Gets a block, the caller's until it is returned.</summary>
    /// <param name="mayBeHuge">Whether it will be filled, so that 2 MiB at once are no waste.</param>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal int Rent(bool mayBeHuge)
    {
        _quietTicks = 0;
        return _first == None ? Map(mayBeHuge) : TakeSpare();
    }

    /// <summary>Takes a block back. Allocates nothing and calls nothing.</summary>
    internal void Return(int block)
    {
        _quietTicks = 0;
        (_next[block], _first) = (_first, block);
        _count++;
    }

    /// <summary>Gets the 4096 bytes of a frame of a rented block.</summary>
    internal Span<byte> Frame(int block, int index) => _blocks.Page(block, index);

    /// <summary>Has the kernel map a frame and those beside it, if it is the first of them to be used.</summary>
    internal void Prepare(int block, int index) => _blocks.Prepare(block, index);

    /// <summary>Has the processor fetch a frame that will be read.</summary>
    internal void Prefetch(int block, int index) => _blocks.Prefetch(block, index);

    /// <summary>Gives memory back to the kernel: a quarter of what is too much at once, and the rest one by one when it was not used for long.</summary>
    /// <remarks>To be called at every tick.</remarks>
    internal void Trim()
    {
        int tooMany = Math.Max(0, _count - KeptSpares);
        _quietTicks++;
        int given = tooMany > 0 ? (tooMany / 4) + 1 : _quietTicks > patienceTicks ? Math.Min(_count, 1) : 0;
        for (int i = 0; i < given; i++)
        {
            _blocks.Unmap(TakeSpare());
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _blocks.Dispose();

    private int TakeSpare()
    {
        int block = _first;
        _first = _next[block];
        _count--;
        return block;
    }

    private int Map(bool mayBeHuge)
    {
        int block = _blocks.Map();
        if (block >= _next.Length)
        {
            Array.Resize(ref _next, 2 * block);
        }

        bool isHuge = mayBeHuge && _trial.IsDue();
        _blocks.Advise(block, isHuge);
        if (isHuge)
        {
            long start = Stopwatch.GetTimestamp();
            _blocks.PopulateFirst(block);
            _trial.Note(Stopwatch.GetElapsedTime(start));
        }

        return block;
    }
}

/// <summary>Whether to ask for huge pages: as long as the kernel has them at hand.</summary>
/// <remarks>
/// They cost one fault for 512 pages and make looking up addresses cheap. But where none is free the kernel compacts memory, and a virtual
/// machine's host may have to find 2 MiB that it has taken back, while small pages are there: those that programs have just freed.
/// </remarks>
internal sealed class HugePageTrial
{
    private const int Refrained = 15;
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(1); // 2 µs a page: as much as the slowest small ones

    private int _left;

    /// <summary>Tells whether the next block should be a huge page.</summary>
    internal bool IsDue() => _left == 0 || --_left == 0;

    /// <summary>Notes how long a huge page took: after a slow one the next 15 blocks are of small pages.</summary>
    internal void Note(TimeSpan taken) => _left = taken > s_limit ? Refrained + 1 : 0;
}
