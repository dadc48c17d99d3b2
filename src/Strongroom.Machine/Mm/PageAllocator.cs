using System;

namespace Strongroom.Machine.Mm;

/// <summary>
/// The kernel's page allocator: zones, buddy lists, per-CPU lists, and a flush policy for pages with a KeyID.
/// </summary>
/// <remarks>
/// <para>Frames of one node: zone 3n is its DMA32 zone (node 0 only), 3n+1 normal, 3n+2 movable. Fallback goes movable
/// -> normal -> DMA32 within a node, then to the other nodes in order of number.</para>
/// <para>Invariant (I8): every plugged frame is in exactly one of buddy lists, per-CPU lists, pools, reserved, used,
/// isolated.</para>
/// <para>Thread safety: none; the CPU number says whose list is used. Allocates: nothing after construction.</para>
/// </remarks>
internal sealed partial class PageAllocator
{
    /// <summary>The largest order: 2^10 frames, 4 MiB.</summary>
    internal const int MaxOrder = 10;

    private const int ZonesPerNode = 3;
    private const int Dma32 = 0;
    private const int Normal = 1;
    private const int MovableZone = 2;

    private readonly Zone[] _zones;
    private readonly PerCpuList[] _perCpu;
    private readonly int _nodes;
    private readonly FlushPolicy _policy;
    private readonly AllocatorLimits _limits;
    private readonly Mutant _mutant;

    /// <summary>Makes an allocator that owns no frame yet.</summary>
    /// <param name="pages">The frames' bookkeeping.</param>
    /// <param name="nodes">NUMA nodes.</param>
    /// <param name="cpus">CPUs.</param>
    /// <param name="policy">When caches are flushed.</param>
    /// <param name="limits">List sizes and zone borders.</param>
    internal PageAllocator(PageArray pages, int nodes, int cpus, FlushPolicy policy, AllocatorLimits limits)
    {
        Pages = pages;
        _nodes = nodes;
        _policy = policy;
        _limits = limits;
        _mutant = policy.Mutant;
        _zones = new Zone[nodes * ZonesPerNode];
        for (int zone = 0; zone < _zones.Length; zone++)
        {
            _zones[zone] = new Zone();
        }

        _perCpu = new PerCpuList[cpus * _zones.Length];
        for (int list = 0; list < _perCpu.Length; list++)
        {
            _perCpu[list] = new PerCpuList(limits.PerCpuHigh);
        }
    }

    /// <summary>Gets the frames' bookkeeping.</summary>
    internal PageArray Pages { get; }

    /// <summary>Gets the flush policy.</summary>
    internal FlushPolicy Policy => _policy;

    /// <summary>Gets the allocations that were served.</summary>
    internal ulong Allocations { get; private set; }

    /// <summary>Gets the blocks that were freed.</summary>
    internal ulong Frees { get; private set; }

    /// <summary>Gets the order-0 allocations that a per-CPU list served.</summary>
    internal ulong PerCpuHits { get; private set; }

    /// <summary>Allocates a block.</summary>
    /// <param name="cpu">The CPU that asks.</param>
    /// <param name="gfp">What is allowed.</param>
    /// <param name="keyId">The KeyID the block is used under: the VMA's, or that of the page it replaces; 0 for the
    /// kernel.</param>
    /// <param name="order">log2 of its frames, 0 to <see cref="MaxOrder"/>.</param>
    /// <param name="node">The preferred NUMA node.</param>
    /// <returns>The first frame, with one reference; or -1 when there is none.</returns>
    internal int Allocate(int cpu, Gfp gfp, ushort keyId, int order, int node)
    {
        int frame = _policy.TryTake(keyId, order, node);
        if (frame < 0)
        {
            frame = TakeFree(cpu, gfp, order, node);
            if (frame < 0)
            {
                frame = AllocateSlow(cpu, gfp, order, node);
                if (frame < 0)
                {
                    return -1;
                }
            }

            MarkUsed(frame, order);
            _policy.Prepare(cpu, frame, order, keyId, (gfp & Gfp.Zero) != 0);
        }
        else
        {
            MarkUsed(frame, order);
            _policy.Reuse(cpu, frame, order, keyId, (gfp & Gfp.Zero) != 0);
        }

        Pages.Flags[frame] = (gfp & Gfp.Movable) != 0 ? PageFlags.Movable : PageFlags.None;
        Allocations++;
        return frame;
    }

    /// <summary>Takes a reference.</summary>
    internal void Get(int frame) => Pages.References[frame]++;

    /// <summary>Drops a reference and frees the block when it was the last.</summary>
    /// <returns>Whether the block was freed.</returns>
    internal bool Put(int cpu, int frame)
    {
        if (--Pages.References[frame] > 0)
        {
            return false;
        }

        Free(cpu, frame);
        return true;
    }

    /// <summary>Frees a block whose references are gone.</summary>
    /// <param name="cpu">The CPU that frees.</param>
    /// <param name="frame">Its first frame.</param>
    internal void Free(int cpu, int frame)
    {
        if (Pages.State[frame] != FrameState.Used)
        {
            throw new InvalidOperationException($"Frame {frame} is freed while it is {Pages.State[frame]}.");
        }

        Frees++;
        int order = Pages.Order[frame];
        Pages.References[frame] = 0;
        Pages.Flags[frame] = PageFlags.None;
        if (_policy.TryKeep(cpu, frame, order))
        {
            return;
        }

        _policy.Release(cpu, frame, order);
        ReturnFree(cpu, frame, order);
    }

    /// <summary>Gives a block that a pool held back to the free lists; the pool has flushed it.</summary>
    internal void ReturnFree(int cpu, int frame, int order)
    {
        int zone = Pages.Zone[frame];
        if (order == 0)
        {
            PerCpuList list = _perCpu[(cpu * _zones.Length) + zone];
            if (list.IsFull)
            {
                DrainPerCpu(list, zone, _limits.PerCpuBatch);
            }

            Pages.State[frame] = FrameState.PerCpu;
            list.Push(frame);
            return;
        }

        FreeToBuddy(zone, frame, order);
    }

    /// <summary>Splits a used block into single frames, each with a reference of its own.</summary>
    internal void SplitUsed(int frame)
    {
        int order = Pages.Order[frame];
        for (int i = 0; i < 1 << order; i++)
        {
            Pages.Order[frame + i] = 0;
            Pages.State[frame + i] = FrameState.Used;
            Pages.References[frame + i] = 1;
            Pages.Flags[frame + i] = Pages.Flags[frame] & ~(PageFlags.HugeHead | PageFlags.HugeTail);
        }
    }

    /// <summary>Gets the node of a frame.</summary>
    internal int NodeOf(int frame) => Pages.Zone[frame] / ZonesPerNode;

    private void MarkUsed(int frame, int order)
    {
        Pages.References[frame] = 1;
        Pages.Order[frame] = (byte)order;
        if (order == 0)
        {
            Pages.State[frame] = FrameState.Used;
            return;
        }

        MarkFree(frame, order, FrameState.Used);
    }

    private void MarkFree(int frame, int order, FrameState state)
    {
        if (order == 0)
        {
            Pages.State[frame] = state;
            return;
        }

        Pages.State.AsSpan(frame, 1 << order).Fill(state);
    }

    private int TakeFree(int cpu, Gfp gfp, int order, int node)
    {
        for (int i = 0; i < _nodes; i++)
        {
            int candidate = (node + i) % _nodes;
            int frame = TakeFromNode(cpu, gfp, order, candidate);
            if (frame >= 0 || (gfp & Gfp.ThisNode) != 0)
            {
                return frame;
            }
        }

        return -1;
    }

    private int TakeFromNode(int cpu, Gfp gfp, int order, int node)
    {
        int highest = (gfp & Gfp.Dma32) != 0 ? Dma32 : (gfp & Gfp.Movable) != 0 ? MovableZone : Normal;
        for (int kind = highest; kind >= Dma32; kind--)
        {
            int zone = (node * ZonesPerNode) + kind;
            int frame = order == 0 ? TakePerCpu(cpu, zone, gfp) : TakeBuddy(zone, order, gfp);
            if (frame >= 0)
            {
                return frame;
            }
        }

        return -1;
    }

    private int TakePerCpu(int cpu, int zone, Gfp gfp)
    {
        PerCpuList list = _perCpu[(cpu * _zones.Length) + zone];
        if (list.Count > 0)
        {
            PerCpuHits++;
            return list.Pop();
        }

        for (int i = 0; i < _limits.PerCpuBatch; i++)
        {
            int frame = TakeBuddy(zone, 0, gfp);
            if (frame < 0)
            {
                break;
            }

            Pages.State[frame] = FrameState.PerCpu;
            list.Push(frame);
        }

        return list.Count > 0 ? list.Pop() : -1;
    }

    private int AllocateSlow(int cpu, Gfp gfp, int order, int node)
    {
        if ((gfp & (Gfp.Atomic | Gfp.NoRetry)) != 0)
        {
            return -1;
        }

        _ = _policy.Shrink(cpu, 1 << Math.Max(order, 5)); // what it gave back is tried below either way
        DrainAll();
        return TakeFree(cpu, gfp, order, node);
    }
}

/// <summary>List sizes and zone borders.</summary>
internal sealed record AllocatorLimits
{
    /// <summary>Gets the most frames that a per-CPU list keeps.</summary>
    internal int PerCpuHigh { get; init; } = 186;

    /// <summary>Gets the frames that move between a per-CPU list and the buddy lists at once.</summary>
    internal int PerCpuBatch { get; init; } = 63;

    /// <summary>
    /// Gets the first frame above the DMA32 zone; 0 for no such zone. Linux's border is 4 GiB, above most models.
    /// </summary>
    internal int Dma32Frames { get; init; }

    /// <summary>Gets the free frames of a zone that only <see cref="Gfp.Atomic"/> may take.</summary>
    internal int MinimumFree { get; init; }
}
