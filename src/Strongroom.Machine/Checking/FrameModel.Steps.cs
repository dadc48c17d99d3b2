using System;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>What happens to frames in one step.</summary>
internal enum FrameStep : byte
{
    /// <summary>A free frame goes to the list of a CPU.</summary>
    Refill,

    /// <summary>A frame of a CPU's list goes back to the buddy lists.</summary>
    Drain,

    /// <summary>A frame of a CPU's list is handed out.</summary>
    Allocate,

    /// <summary>A block of two frames is handed out.</summary>
    AllocatePair,

    /// <summary>A frame of a pool is handed out under the KeyID that it had.</summary>
    Reuse,

    /// <summary>A frame is freed to the list of a CPU.</summary>
    Free,

    /// <summary>A frame is freed to the pool of its KeyID.</summary>
    Pool,

    /// <summary>A frame of a pool goes to the list of a CPU.</summary>
    Shrink,

    /// <summary>A block of two is freed.</summary>
    FreePair,

    /// <summary>A used block of two becomes two frames.</summary>
    SplitPair,

    /// <summary>A free frame is set aside, because its section is to go.</summary>
    Isolate,

    /// <summary>A frame that was set aside is free again.</summary>
    Unisolate,

    /// <summary>The section is unplugged.</summary>
    Offline,

    /// <summary>The section is plugged in.</summary>
    Online,
}

internal sealed partial class FrameModel
{
    /// <inheritdoc/>
    internal override int Successors(ulong s, Span<ulong> next, Span<Step> steps)
    {
        Broken = null;
        int count = 0;
        for (int f = 0; f < Frames; f++)
        {
            count = State(Frame(s, f)) switch
            {
                Buddy => BuddySteps(s, f, next, steps, count),
                PerCpu => ListSteps(s, f, next, steps, count),
                Pooled => PoolSteps(s, f, next, steps, count),
                Used => UsedSteps(s, f, next, steps, count),
                Isolated => Add(s, FreeToBuddy(s, f), Took(FrameStep.Unisolate, f), next, steps, count),
                _ => count,
            };
        }

        (int First, int Second) section = (State(Frame(s, FirstPluggable)), State(Frame(s, FirstPluggable + 1)));
        return section switch
        {
            (Isolated, Isolated) => Add(
                s, WithFrame(WithFrame(s, FirstPluggable, Absent), FirstPluggable + 1, Absent), Took(FrameStep.Offline), next, steps, count),
            (Absent, Absent) => Add(s, LinkPair(s, FirstPluggable), Took(FrameStep.Online), next, steps, count),
            _ => count,
        };
    }

    private static Step Took(FrameStep kind, int f = 0, int other = 0) => new((byte)kind, (byte)f, (byte)other, 0);

    private int BuddySteps(ulong s, int f, Span<ulong> next, Span<Step> steps, int count)
    {
        int frame = Frame(s, f);
        bool isSplit = (frame & Pair) != 0;
        if ((frame & Single) != 0 || (isSplit && CountIn(s, Single) == 0))
        {
            ulong taken = isSplit ? TakeHalf(s, f, loses: _mutant == Mutant.BuddySplitLosesHalf) : Unlink(s, f, Single);
            for (int c = 0; c < Cpus; c++)
            {
                count = CountIn(s, CpuList(c)) == ListCapacity ? count
                    : Add(s, Push(taken, f, c), Took(FrameStep.Refill, f, c), next, steps, count);
            }
        }

        for (int k = 0; k < _keyIds && isSplit; k++)
        {
            count = Add(s, AllocatePair(s, f, k), Took(FrameStep.AllocatePair, f, k), next, steps, count);
        }

        if (f < FirstPluggable)
        {
            return count;
        }

        ulong alone = (frame & Single) != 0 ? Unlink(s, f, Single)
            : (Frame(s, f & ~1) & Pair) != 0 ? TakeHalf(s, f, loses: false) : s;
        alone = alone == s ? s : WithFrame(alone, f, (Frame(alone, f) & ~StateMask) | Isolated);
        return Add(s, alone, Took(FrameStep.Isolate, f), next, steps, count);
    }

    private int ListSteps(ulong s, int f, Span<ulong> next, Span<Step> steps, int count)
    {
        for (int c = 0; c < Cpus; c++)
        {
            int frame = Frame(s, f);
            if ((frame & CpuList(c)) == 0)
            {
                continue;
            }

            ulong popped = WithFrame(s, f, frame & ~CpuList(c));
            count = Add(s, _mutant == Mutant.DrainLosesFrame ? popped : FreeToBuddy(popped, f), Took(FrameStep.Drain, f, c), next, steps, count);
            for (int k = 0; k < _keyIds; k++)
            {
                bool isPoolFirst = _policy == ProtocolPolicy.Pools && k != 0 && CountIn(s, PoolOf(k)) > 0;
                count = isPoolFirst ? count : Add(s, Use(popped, f, k), Took(FrameStep.Allocate, f, k), next, steps, count);
            }
        }

        return count;
    }

    private int PoolSteps(ulong s, int f, Span<ulong> next, Span<Step> steps, int count)
    {
        int frame = Frame(s, f);
        int k = Ext(frame);
        ulong taken = Counted(WithFrame(s, f, frame & ~AnyPool), PooledBase, -1);
        count = Add(s, Use(taken, f, k), Took(FrameStep.Reuse, f, k), next, steps, count);
        ulong shrunk = WithFrame(taken, f, frame & StateMask);
        for (int c = 0; c < Cpus; c++)
        {
            count = CountIn(s, CpuList(c)) == ListCapacity ? count
                : Add(s, _mutant == Mutant.PoolLosesFrame ? shrunk : Push(shrunk, f, c), Took(FrameStep.Shrink, f, c), next, steps, count);
        }

        return count;
    }

    private int UsedSteps(ulong s, int f, Span<ulong> next, Span<Step> steps, int count)
    {
        int frame = Frame(s, f);
        if ((frame & Head) != 0)
        {
            ulong freed = LinkPair(Released(Released(WithFrame(s, f, frame & ~Head), f), f + 1), f);
            count = Add(s, freed, Took(FrameStep.FreePair, f), next, steps, count);
            return Add(s, WithFrame(s, f, frame & ~Head), Took(FrameStep.SplitPair, f), next, steps, count);
        }

        if (f % 2 == 1 && (Frame(s, f - 1) & Head) != 0)
        {
            return count; // goes with the block that it is the second of
        }

        int k = Ext(frame);
        if (_policy == ProtocolPolicy.Pools && k != 0 && Count(s, PooledBase) < PoolCapacity)
        {
            ulong pooled = WithFrame(s, f, (frame & ExtMask) | Pooled | PoolOf(k));
            pooled = _mutant == Mutant.PoolForgetsCount ? pooled : Counted(pooled, PooledBase, 1);
            return Add(s, DropReference(pooled, k), Took(FrameStep.Pool, f), next, steps, count);
        }

        for (int c = 0; c < Cpus; c++)
        {
            count = CountIn(s, CpuList(c)) == ListCapacity ? count
                : Add(s, Push(Released(s, f), f, c), Took(FrameStep.Free, f, c), next, steps, count);
        }

        return count;
    }

    private ulong AllocatePair(ulong s, int f, int k)
    {
        s = Use(Use(Unlink(s, f, Pair), f, k), f + 1, k, _mutant != Mutant.OneReferencePerBlock);
        return WithFrame(s, f, Frame(s, f) | Head);
    }

    private ulong Use(ulong s, int f, int k, bool takesReference = true)
    {
        s = WithFrame(s, f, Used | (k << 3) | (Frame(s, f) & ~(StateMask | ExtMask)));
        return k != 0 && takesReference && _mutant != Mutant.SkipPageReference ? Counted(s, ReferencesOf(k), 1) : s;
    }

    /// <summary>What the flush policy does to a page that goes back to the free lists.</summary>
    private ulong Released(ulong s, int f)
    {
        int frame = Frame(s, f);
        bool keeps = _policy == ProtocolPolicy.LastKeyId || _mutant == Mutant.KeepKeyIdOnFree;
        return DropReference(keeps ? s : WithFrame(s, f, frame & ~ExtMask), Ext(frame));
    }

    private ulong DropReference(ulong s, int k) =>
        k != 0 && _mutant != Mutant.SkipPageUnreference ? Counted(s, ReferencesOf(k), -1) : s;

    private static ulong Push(ulong s, int f, int c) => WithFrame(s, f, (Frame(s, f) & ExtMask) | PerCpu | CpuList(c));

    /// <summary>Links a frame into the buddy lists, as a block with its buddy if that is free too.</summary>
    private ulong FreeToBuddy(ulong s, int f)
    {
        int buddy = Frame(s, f ^ 1);
        s = WithFrame(s, f, (Frame(s, f) & ~StateMask) | Buddy);
        if (State(buddy) == Buddy || (_mutant == Mutant.BuddyMergesCpuList && State(buddy) == PerCpu))
        {
            return LinkPair(Unlink(s, f ^ 1, Single), f & ~1);
        }

        return Counted(WithFrame(s, f, Frame(s, f) | Single), FreeBase, 1);
    }

    private static ulong LinkPair(ulong s, int first)
    {
        s = WithFrame(s, first, (Frame(s, first) & ~StateMask) | Buddy | Pair);
        s = WithFrame(s, first + 1, (Frame(s, first + 1) & ~StateMask) | Buddy);
        return Counted(s, FreeBase, 2);
    }

    private static ulong Unlink(ulong s, int f, int list) =>
        Counted(WithFrame(s, f, Frame(s, f) & ~list), FreeBase, list == Pair ? -2 : -1);

    /// <summary>Takes one frame out of a free block; the other stays free.</summary>
    private static ulong TakeHalf(ulong s, int f, bool loses)
    {
        s = Unlink(s, f & ~1, Pair);
        return loses ? s : Counted(WithFrame(s, f ^ 1, Frame(s, f ^ 1) | Single), FreeBase, 1);
    }
}
