using System;

namespace Strongroom.Machine.Mm;

/// <summary>
/// Free pages of each KeyID are kept apart, so that most pages are reused under the KeyID they had (the plan of
/// version 5).
/// </summary>
/// <remarks>
/// <para>A pool keeps single pages, newest first, up to a cap for each KeyID and a cap over all; beyond the caps, and
/// under memory pressure, the oldest pages of the largest pool are flushed and go back to the free lists. Blocks of
/// more than one page are flushed at once. Pages in a pool hold no reference to the slot; clearing the slot drains its
/// pool first.</para>
/// <para>Each node has pools of its own. Allocates: nothing after construction. Source: "MKTME enabling", version 5,
/// July 2018 ("per-KeyID pool of free pages").</para>
/// </remarks>
internal sealed class PoolPolicy : AllocateAndFreePolicy
{
    private readonly int[] _newest;
    private readonly int[] _oldest;
    private readonly int[] _counts;
    private readonly int _keyIds;
    private readonly int _capPerKeyId;
    private readonly int _capTotal;
    private readonly Func<int, int> _nodeOf;
    private int _pooled;

    /// <summary>Makes empty pools.</summary>
    /// <param name="pages">The frames' bookkeeping.</param>
    /// <param name="memory">What flushes and zeroes.</param>
    /// <param name="mutant">The seeded fault.</param>
    /// <param name="shape">How many pools and how large.</param>
    /// <param name="nodeOf">Gives the node of a frame.</param>
    internal PoolPolicy(PageArray pages, IFrameMemory memory, Mutant mutant, PoolShape shape, Func<int, int> nodeOf)
        : base(pages, memory, mutant)
    {
        _keyIds = shape.KeyIdCount + 1;
        _newest = new int[_keyIds * shape.Nodes];
        _oldest = new int[_keyIds * shape.Nodes];
        _counts = new int[_keyIds * shape.Nodes];
        Array.Fill(_newest, -1);
        Array.Fill(_oldest, -1);
        _capPerKeyId = shape.CapPerKeyId;
        _capTotal = shape.CapTotal;
        _nodeOf = nodeOf;
    }

    /// <summary>Gets or sets where pages go that a pool gives up.</summary>
    internal Action<int, int>? GiveBack { get; set; }

    /// <inheritdoc/>
    internal override string Name => "pools";

    /// <inheritdoc/>
    internal override int PooledFrames => _pooled;

    /// <inheritdoc/>
    internal override int TryTake(ushort keyId, int order, int node)
    {
        if (keyId == 0 || order != 0)
        {
            return -1;
        }

        int pool = (node * _keyIds) + keyId;
        if (Mutant == Mutant.PoolServesOtherKeyId && _counts[pool] == 0)
        {
            pool = Largest();
        }

        int frame = _newest[pool];
        if (frame >= 0)
        {
            Remove(pool, frame);
        }

        return frame;
    }

    /// <inheritdoc/>
    internal override void Reuse(int cpu, int frame, int order, ushort keyId, bool zero)
    {
        Counts.Elided++;
        Pages.KeyId[frame] = keyId;
        if (Mutant != Mutant.PoolSkipsZero)
        {
            ZeroIfAsked(cpu, frame, order, keyId, zero);
        }

        TakeReferences(keyId, order);
    }

    /// <inheritdoc/>
    internal override bool TryKeep(int cpu, int frame, int order)
    {
        ushort keyId = Pages.KeyId[frame];
        if (keyId == 0 || order != 0)
        {
            return false;
        }

        int pool = (_nodeOf(frame) * _keyIds) + keyId;
        if (_counts[pool] >= _capPerKeyId || _capTotal == 0)
        {
            return false;
        }

        if (_pooled >= _capTotal)
        {
            GiveUpOldest(cpu, Largest());
        }

        // Dropping the last reference clears the slot, which drains the pool: the page must be in it by then.
        Add(pool, frame);
        DropReferences(keyId, 0);
        return true;
    }

    /// <inheritdoc/>
    internal override int Shrink(int cpu, int frames)
    {
        int given = 0;
        while (given < frames && _pooled > 0)
        {
            GiveUpOldest(cpu, Largest());
            given++;
        }

        return given;
    }

    /// <inheritdoc/>
    internal override void Retire(int cpu, ushort keyId)
    {
        if (Mutant == Mutant.PoolNotDrainedOnRetire)
        {
            return;
        }

        for (int pool = keyId; pool < _counts.Length; pool += _keyIds)
        {
            while (_counts[pool] > 0)
            {
                GiveUpOldest(cpu, pool);
            }
        }
    }

    private int Largest()
    {
        int largest = 0;
        for (int pool = 1; pool < _counts.Length; pool++)
        {
            if (_counts[pool] > _counts[largest])
            {
                largest = pool;
            }
        }

        return largest;
    }

    private void GiveUpOldest(int cpu, int pool)
    {
        int frame = _oldest[pool];
        Remove(pool, frame);
        if (Mutant != Mutant.PoolShrinksWithoutFlush)
        {
            Memory.Flush(frame, 1, Pages.KeyId[frame]);
            Counts.OnShrink++;
        }

        Pages.KeyId[frame] = 0;
        if (Mutant != Mutant.PoolLosesFrame)
        {
            GiveBack!(cpu, frame);
        }
    }

    private void Add(int pool, int frame)
    {
        int newest = _newest[pool];
        Pages.Next[frame] = newest;
        Pages.Previous[frame] = -1;
        if (newest >= 0)
        {
            Pages.Previous[newest] = frame;
        }
        else
        {
            _oldest[pool] = frame;
        }

        _newest[pool] = frame;
        Pages.State[frame] = FrameState.Pooled;
        _counts[pool]++;
        _pooled += Mutant == Mutant.PoolForgetsCount ? 0 : 1;
    }

    private void Remove(int pool, int frame)
    {
        int next = Pages.Next[frame];
        int previous = Pages.Previous[frame];
        if (next >= 0)
        {
            Pages.Previous[next] = previous;
        }
        else
        {
            _oldest[pool] = previous;
        }

        if (previous >= 0)
        {
            Pages.Next[previous] = next;
        }
        else
        {
            _newest[pool] = next;
        }

        Pages.Next[frame] = -1;
        Pages.Previous[frame] = -1;
        _counts[pool]--;
        _pooled--;
    }
}

/// <summary>How many pools, and how large.</summary>
/// <param name="Nodes">NUMA nodes.</param>
/// <param name="KeyIdCount">KeyIDs beside KeyID 0.</param>
/// <param name="CapPerKeyId">Most pages that one pool keeps.</param>
/// <param name="CapTotal">Most pages that all pools keep together.</param>
internal sealed record PoolShape(int Nodes, int KeyIdCount, int CapPerKeyId, int CapTotal);
