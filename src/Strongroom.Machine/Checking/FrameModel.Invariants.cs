using System.Numerics;
using System.Text;

namespace Strongroom.Machine.Checking;

internal sealed partial class FrameModel
{
    private static readonly string[] s_states = ["absent", "buddy", "CPU list", "pooled", "used", "isolated"];

    /// <inheritdoc/>
    internal override string? FindBrokenInvariant(ulong s)
    {
        int free = 0;
        int pooled = 0;
        for (int f = 0; f < Frames; f++)
        {
            if (FindBrokenFrame(s, f) is { } broken)
            {
                return broken;
            }

            free += State(Frame(s, f)) == Buddy ? 1 : 0;
            pooled += State(Frame(s, f)) == Pooled ? 1 : 0;
        }

        if (free != Count(s, FreeBase) || pooled != Count(s, PooledBase))
        {
            return "I8: free or pooled frames are counted wrongly";
        }

        for (int k = 1; k < _keyIds; k++)
        {
            int used = 0;
            for (int f = 0; f < Frames; f++)
            {
                used += State(Frame(s, f)) == Used && Ext(Frame(s, f)) == k ? 1 : 0;
            }

            if (used != Count(s, ReferencesOf(k)))
            {
                return "I5: a slot's references do not count the pages under it";
            }
        }

        return null;
    }

    /// <inheritdoc/>
    internal override string Describe(Step step) => (FrameStep)step.Kind switch
    {
        FrameStep.Refill or FrameStep.Drain or FrameStep.Free or FrameStep.Shrink => $"{(FrameStep)step.Kind} frame {step.A} cpu {step.B}",
        FrameStep.Allocate or FrameStep.AllocatePair or FrameStep.Reuse => $"{(FrameStep)step.Kind} frame {step.A} KeyID {step.B}",
        FrameStep.Offline or FrameStep.Online => ((FrameStep)step.Kind).ToString(),
        _ => $"{(FrameStep)step.Kind} frame {step.A}",
    };

    /// <inheritdoc/>
    internal override string Describe(ulong s)
    {
        StringBuilder text = new();
        for (int f = 0; f < Frames; f++)
        {
            int frame = Frame(s, f);
            _ = text.Append($"frame {f}: {s_states[State(frame)]}, page_ext {Ext(frame)}");
            _ = (frame & Pair) != 0 ? text.Append(", listed as a block") : text;
            _ = (frame & Single) != 0 ? text.Append(", listed") : text;
            _ = (frame & Head) != 0 ? text.Append(", first of a block") : text;
            _ = (frame & AnyCpuList) != 0 ? text.Append($", list of cpu {((frame & CpuList(0)) != 0 ? 0 : 1)}") : text;
            _ = (frame & AnyPool) != 0 ? text.Append($", pool of KeyID {((frame & PoolOf(1)) != 0 ? 1 : 2)}") : text;
            _ = text.Append("; ");
        }

        _ = text.Append($"{Count(s, FreeBase)} free, {Count(s, PooledBase)} pooled");
        for (int k = 1; k < _keyIds; k++)
        {
            _ = text.Append($", KeyID {k}: {Count(s, ReferencesOf(k))} references");
        }

        return text.ToString();
    }

    private string? FindBrokenFrame(ulong s, int f)
    {
        int frame = Frame(s, f);
        int inLists = BitOperations.PopCount((uint)(frame & (Single | Pair | AnyCpuList | AnyPool)));
        bool isSecond = f % 2 == 1 && (Frame(s, f - 1) & Pair) != 0;
        bool isPlaced = State(frame) switch
        {
            Buddy => inLists + (isSecond ? 1 : 0) == 1 && (frame & (AnyCpuList | AnyPool)) == 0,
            PerCpu => inLists == 1 && !isSecond && (frame & AnyCpuList) != 0,
            Pooled => inLists == 1 && !isSecond && (frame & PoolOf(Ext(frame))) != 0 && Ext(frame) != 0,
            _ => inLists == 0 && !isSecond,
        };
        bool hasLostBuddy = f % 2 == 0 && (frame & Frame(s, f + 1) & Single) != 0;
        bool keepsKeyId = State(frame) is Buddy or PerCpu && Ext(frame) != 0 && _policy != ProtocolPolicy.LastKeyId;
        return !isPlaced ? "I8: a frame is not in the one list that its state names"
            : hasLostBuddy ? "two free buddies are not one block"
            : keepsKeyId ? "I3: a free frame has a KeyID"
            : null;
    }
}
