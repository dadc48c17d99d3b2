using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>The ciphertext frames of one key. Destroying the store frees and forgets all of them.</summary>
/// <remarks>
/// <para>A frame is 4 KiB of ciphertext in one of many slabs of 512. It is one XTS data unit; its number, 128 bits, is
/// <c>seal counter : frame number</c>. The counter grows with every seal under the key and is never used twice, so equal plaintext
/// gives unequal ciphertext from page to page and from seal to seal.</para>
/// <para>A frame is shared by reference count after a fork. Cost beside the ciphertext: 8 bytes of counter and 4 of references.</para>
/// <para>Guarded by: only the pager thread touches it.</para>
/// </remarks>
internal sealed class FrameStore : IDisposable
{
    private const int SlabShift = FramePool.BlockShift;
    private const int SlabFrames = 1 << SlabShift;
    private const int FreeWords = SlabFrames / 64;
    private const int None = -1;

    private readonly XtsKey _key;
    private readonly FramePool _pool;
    private readonly List<Slab> _slabs = [];
    private int[] _blocks = new int[1]; // of each slab, the pool's block; None while all its frames are free
    private int _firstWithRoom = None;
    private ulong _sealCounter;

    /// <summary>Makes an empty store.</summary>
    /// <param name="key">The key; owned by the caller.</param>
    /// <param name="pool">Where memory for frames comes from and goes to.</param>
    internal FrameStore(XtsKey key, FramePool pool)
    {
        _key = key;
        _pool = pool;
    }

    /// <summary>Gets how many frames hold ciphertext.</summary>
    internal long UsedFrames { get; private set; }

    /// <summary>Gets how many pages were ever sealed under the key.</summary>
    internal ulong SealedEver => _sealCounter;

    /// <summary>Gets what counters, references and free lists take, in bytes.</summary>
    internal long MetadataBytes => (long)_slabs.Count * SlabFrames * (sizeof(ulong) + sizeof(int)) + ((long)_slabs.Count * SlabFrames / 8);

    /// <summary>Encrypts a page into a frame with one reference.</summary>
    /// <param name="plaintext">4096 bytes.</param>
    /// <returns>The frame's number.</returns>
    /// <exception cref="KernelException">ENOMEM: no memory for a slab.</exception>
    internal int Seal(ReadOnlySpan<byte> plaintext)
    {
        int frame = AllocateFrame();
        Slab slab = _slabs[frame >> SlabShift];
        int index = frame & (SlabFrames - 1);
        slab[index] = new() { Counter = ++_sealCounter, References = 1 };
        _key.Encrypt(plaintext, Ciphertext(frame), new UInt128(_sealCounter, (ulong)frame));
        return frame;
    }

    /// <summary>Decrypts a frame.</summary>
    /// <param name="frame">A frame with a reference.</param>
    /// <param name="plaintext">Receives 4096 bytes; lies in secret memory.</param>
    internal void Open(int frame, Span<byte> plaintext)
    {
        FrameRecord record = _slabs[frame >> SlabShift][frame & (SlabFrames - 1)];
        if (record.References == 0)
        {
            FailFree(frame, "opened");
        }

        _key.Decrypt(Ciphertext(frame), plaintext, new UInt128(record.Counter, (ulong)frame));
    }

    /// <summary>Has the processor fetch a frame that will be opened, and what is known of it: decryption begins with its counter.</summary>
    internal void Prefetch(int frame)
    {
        int index = frame & (SlabFrames - 1);
        _slabs[frame >> SlabShift].Prefetch(index);
        _pool.Prefetch(_blocks[frame >> SlabShift], index);
    }

    /// <summary>Adds a reference: a forked child shares the frame.</summary>
    internal void AddReference(int frame) =>
        _slabs[frame >> SlabShift][frame & (SlabFrames - 1)].References++;

    /// <summary>Drops a reference; the frame is free with the last.</summary>
    /// <returns>Whether it was the last.</returns>
    internal bool Release(int frame)
    {
        int number = frame >> SlabShift;
        Slab slab = _slabs[number];
        int index = frame & (SlabFrames - 1);
        ref FrameRecord record = ref slab[index];
        if (record.References == 0)
        {
            FailFree(frame, "released");
        }

        if (--record.References > 0)
        {
            return false;
        }

        UsedFrames--;
        if (slab.UsedCount-- == SlabFrames)
        {
            (slab.NextWithRoom, _firstWithRoom) = (_firstWithRoom, number); // a list in the slabs: faults must not allocate
        }

        slab.MarkFree(index);
        if (slab.UsedCount == 0)
        {
            ReturnBlock(number);
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int number = 0; number < _slabs.Count; number++)
        {
            ReturnBlock(number);
        }

        _slabs.Clear();
    }

    // Apart from its callers, which a fault runs: what makes the sentence would lie between their instructions.
    private static void FailFree(int frame, string done) => Invariant.Fail($"frame {frame} is {done} but free");

    private Span<byte> Ciphertext(int frame) => _pool.Frame(_blocks[frame >> SlabShift], frame & (SlabFrames - 1));

    private void ReturnBlock(int number)
    {
        if (_blocks[number] != FramePool.None)
        {
            _pool.Return(_blocks[number]);
            _blocks[number] = FramePool.None;
        }
    }

    private int AllocateFrame()
    {
        int number = _firstWithRoom;
        if (number == None)
        {
            number = _slabs.Count;
            if (number << SlabShift > PageEntry.MaxValue - SlabFrames)
            {
                throw new KernelException(Libc.ENOMEM, "more than 1 TiB sealed under one key");
            }

            if (number == _blocks.Length)
            {
                Array.Resize(ref _blocks, 2 * number);
            }

            _slabs.Add(new Slab());
            _blocks[number] = FramePool.None;
            _firstWithRoom = number;
        }

        if (_blocks[number] == FramePool.None)
        {
            _blocks[number] = _pool.Rent(mayBeHuge: UsedFrames >= SlabFrames);
        }

        Slab slab = _slabs[number];
        int index = slab.TakeFree();
        _pool.Prepare(_blocks[number], index);
        slab.UsedCount++;
        UsedFrames++;
        if (slab.UsedCount == SlabFrames)
        {
            (_firstWithRoom, slab.NextWithRoom) = (slab.NextWithRoom, None);
        }

        return (number << SlabShift) | index;
    }

    // Records and bits are parts of the object, not arrays of their own: a fault finds them in no cache.
    private sealed class Slab
    {
        private FreeBits _free;
        private FrameRecords _records;

        internal Slab()
        {
            ((Span<ulong>)_free).Fill(ulong.MaxValue);
        }

        internal ref FrameRecord this[int index] => ref _records[index];

        internal int UsedCount { get; set; }

        /// <summary>Gets or sets the number of the next slab that has room; <see cref="None"/> for the last.</summary>
        internal int NextWithRoom { get; set; } = None;

        internal int TakeFree()
        {
            for (int word = 0; word < FreeWords; word++)
            {
                if (_free[word] != 0)
                {
                    int bit = BitOperations.TrailingZeroCount(_free[word]);
                    _free[word] &= _free[word] - 1;
                    return (word << 6) | bit;
                }
            }

            Invariant.Fail("a slab with room has no free frame");
            return 0;
        }

        internal void Prefetch(int index)
        {
            CacheLine.Fetch(in _records[index]);
            CacheLine.Fetch(in _free[index >> 6]);
        }

        internal void MarkFree(int index) => _free[index >> 6] |= 1ul << (index & 63);
    }

    [StructLayout(LayoutKind.Sequential, Pack = sizeof(int))] // 12 bytes
    private struct FrameRecord
    {
        internal ulong Counter { get; set; }

        internal int References { get; set; }
    }

    [InlineArray(SlabFrames)]
    private struct FrameRecords
    {
        private FrameRecord _first;
    }

    [InlineArray(FreeWords)]
    private struct FreeBits
    {
        private ulong _first;
    }
}
