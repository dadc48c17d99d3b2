using System;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>The memory of 512 frames: 2 MiB of ciphertext.</summary>
/// <remarks>Guarded by: only the pager thread touches it.</remarks>
internal sealed class FrameMemory : IDisposable
{
    /// <summary>Frames in it.</summary>
    internal const int FrameCount = 512;

    private const int GroupFrames = 32;

    private readonly NativePages _pages = NativePages.Map(FrameCount * PageNumber.SizeBytes);
    private uint _populated; // a bit for each group of frames

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

/// <summary>Memory whose frames are all free, for the next pages to be sealed under any key: to get new memory costs as much as all the rest of sealing.</summary>
/// <remarks>Given back to the kernel bit by bit when nothing is sealed. Guarded by: only the pager thread touches it.</remarks>
internal sealed class FramePool : IDisposable
{
    /// <summary>The most that is kept: 64 MiB.</summary>
    private const int MaxSpares = 32;

    private readonly FrameMemory?[] _spares = new FrameMemory?[MaxSpares];
    private int _count;
    private bool _wasUsed;

    /// <summary>Gets memory, owned by the caller until it is returned.</summary>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal FrameMemory Rent()
    {
        _wasUsed = true;
        if (_count == 0)
        {
            return new FrameMemory();
        }

        FrameMemory memory = _spares[--_count]!;
        _spares[_count] = null;
        return memory;
    }

    /// <summary>Takes memory back. Allocates nothing.</summary>
    internal void Return(FrameMemory memory)
    {
        if (_count == MaxSpares)
        {
            memory.Dispose();
        }
        else
        {
            _spares[_count++] = memory;
        }
    }

    /// <summary>Gives some memory back to the kernel, unless there was a use for memory since the last time. To be called at every tick.</summary>
    internal void Trim()
    {
        if (_count > 0 && !_wasUsed)
        {
            Rent().Dispose();
        }

        _wasUsed = false;
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
