using System;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>The memory of 512 frames: 2 MiB of ciphertext.</summary>
/// <remarks>Guarded by: only the pager thread touches it.</remarks>
internal sealed class FrameMemory : IDisposable
{
    /// <summary>log2 of <see cref="FrameCount"/>.</summary>
    internal const int FrameShift = 9;

    /// <summary>Frames in it.</summary>
    internal const int FrameCount = 1 << FrameShift;

    private const int GroupFrames = 32;

    private readonly NativePages _pages = NativePages.Map(FrameCount * PageNumber.SizeBytes);
    private uint _populated; // a bit for each group of frames

    /// <summary>Gets or sets the next one in the pool.</summary>
    internal FrameMemory? Next { get; set; }

    /// <summary>Gets a frame's 4096 bytes.</summary>
    internal Span<byte> this[int index] => _pages.Span.Slice(index << PageNumber.Shift, PageNumber.SizeBytes);

    /// <summary>Has the kernel map a frame and those beside it, if it is the first of them to be used.</summary>
    /// <remarks>Not huge pages, which would cost one call for all: small ones are what the target's dropped pages have just given back to
    /// the kernel, while for huge ones it looks for memory long unused, and a host may have to find that first.</remarks>
    internal void Prepare(int index)
    {
        int group = index / GroupFrames;
        if ((_populated & (1u << group)) == 0)
        {
            _populated |= 1u << group;
            _pages.Populate(group * GroupFrames << PageNumber.Shift, GroupFrames << PageNumber.Shift);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _pages.Dispose();
}

/// <summary>Memory whose frames are all free, for the next pages to be sealed under any key: new memory costs as much as all the rest of sealing.</summary>
/// <remarks>Given back to the kernel bit by bit, and never by a fault. Guarded by: only the pager thread touches it.</remarks>
/// <param name="patienceTicks">For how many ticks nothing must have come or gone before what is kept is given back too.</param>
internal sealed class FramePool(int patienceTicks) : IDisposable
{
    /// <summary>What is kept for that long: 64 MiB.</summary>
    private const int KeptSpares = 32;

    private FrameMemory? _first;
    private int _count;
    private int _quietTicks;

    /// <summary>Gets memory, owned by the caller until it is returned.</summary>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal FrameMemory Rent()
    {
        _quietTicks = 0;
        if (_first is not { } memory)
        {
            return new FrameMemory();
        }

        (_first, memory.Next) = (memory.Next, null);
        _count--;
        return memory;
    }

    /// <summary>Takes memory back. Allocates nothing and calls nothing.</summary>
    internal void Return(FrameMemory memory)
    {
        _quietTicks = 0;
        (memory.Next, _first) = (_first, memory);
        _count++;
    }

    /// <summary>Gives memory back to the kernel: a quarter of what is too much at once, and the rest one by one when it was not used for long.</summary>
    /// <remarks>To be called at every tick.</remarks>
    internal void Trim()
    {
        int tooMany = Math.Max(0, _count - KeptSpares);
        int quietTicks = _quietTicks + 1;
        int given = tooMany > 0 ? (tooMany / 4) + 1 : quietTicks > patienceTicks ? Math.Min(_count, 1) : 0;
        for (int i = 0; i < given; i++)
        {
            Rent().Dispose();
        }

        _quietTicks = quietTicks;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_count > 0)
        {
            Rent().Dispose();
        }
    }
}
