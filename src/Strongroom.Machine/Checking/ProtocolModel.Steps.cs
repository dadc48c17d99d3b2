using System;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>What happened in one step.</summary>
internal enum StepKind : byte
{
    /// <summary>A CPU reads a line under its owner's KeyID.</summary>
    Load,

    /// <summary>A CPU writes a part of a line under its owner's KeyID.</summary>
    Store,

    /// <summary>The kernel writes a whole new page under its KeyID.</summary>
    Zero,

    /// <summary>A cache drops a line, writing it back if modified.</summary>
    Evict,

    /// <summary>A cache fetches a line on its own.</summary>
    Speculate,

    /// <summary>The allocator hands a page out.</summary>
    Allocate,

    /// <summary>A page goes back to the free lists.</summary>
    Free,

    /// <summary>A page goes to the pool of its KeyID.</summary>
    Pool,

    /// <summary>A pooled page goes to the free lists.</summary>
    Shrink,

    /// <summary>A page's content and owner move to another page.</summary>
    Migrate,

    /// <summary>A slot is programmed for a new key.</summary>
    CreateKey,

    /// <summary>A key is destroyed.</summary>
    DestroyKey,
}

/// <summary>One step with its arguments.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Cache">On which CPU.</param>
/// <param name="Line">To which line.</param>
/// <param name="KeyId">Under which KeyID.</param>
internal readonly record struct Step(StepKind Kind, byte Cache, byte Line, byte KeyId)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Kind} cpu {Cache} line {Line} KeyID {KeyId}";
}

internal sealed partial class ProtocolModel
{
    /// <summary>The most steps that one state allows.</summary>
    internal const int MostSteps = 128;

    /// <summary>Lists every step from a state.</summary>
    /// <param name="s">The state.</param>
    /// <param name="next">Receives the states after each step; states equal to <paramref name="s"/> are left
    /// out.</param>
    /// <param name="steps">Receives the steps.</param>
    /// <returns>How many; <see cref="Broken"/> is set if the last step listed broke a rule of its own.</returns>
    /// <remarks>The rules of states are left to <see cref="FindBrokenInvariant"/>, which new states need
    /// only.</remarks>
    internal int Successors(ulong s, Span<ulong> next, Span<Step> steps)
    {
        Broken = null;
        int count = 0;
        for (int l = 0; l < _lines && Broken is null; l++)
        {
            count = LineSteps(s, l, next, steps, count);
        }

        for (int k = 1; k < _keyIds && Broken is null; k++)
        {
            if (Life(Key(s, k)) == 0)
            {
                count = Add(s, Create(s, k), new(StepKind.CreateKey, 0, 0, (byte)k), next, steps, count);
            }
            else if (Life(Key(s, k)) == 1)
            {
                count = Add(s, Destroy(s, k), new(StepKind.DestroyKey, 0, 0, (byte)k), next, steps, count);
            }
        }

        return count;
    }

    private int LineSteps(ulong s, int l, Span<ulong> next, Span<Step> steps, int count)
    {
        int line = Line(s, l);
        int owner = Owner(line);
        for (int c = 0; c < _caches && Broken is null; c++)
        {
            for (int k = 0; k < _keyIds && Broken is null; k++)
            {
                int entry = Entry(s, c, l, k);
                if (entry != Invalid)
                {
                    count = Add(s, Evict(s, c, l, k), new(StepKind.Evict, (byte)c, (byte)l, (byte)k), next, steps, count);
                }
                else if (_speculation == Speculation.All || (_speculation == Speculation.Platform && k == 0))
                {
                    count = Add(s, Acquire(s, c, l, k, false), new(StepKind.Speculate, (byte)c, (byte)l, (byte)k), next, steps, count);
                }
            }

            if (owner == 0 || Broken is not null)
            {
                continue;
            }

            byte key = (byte)(owner - 1);
            if (!IsWritten(line))
            {
                count = Add(s, Zero(s, c, l), new(StepKind.Zero, (byte)c, (byte)l, key), next, steps, count);
                continue;
            }

            count = Add(s, Load(s, c, l), new(StepKind.Load, (byte)c, (byte)l, key), next, steps, count);
            if (Broken is null)
            {
                count = Add(s, Store(s, c, l), new(StepKind.Store, (byte)c, (byte)l, key), next, steps, count);
            }
        }

        return Broken is null ? AllocatorSteps(s, l, line, next, steps, count) : count;
    }

    private int AllocatorSteps(ulong s, int l, int line, Span<ulong> next, Span<Step> steps, int count)
    {
        if (Owner(line) == 0)
        {
            for (int k = 0; k < _keyIds && Broken is null; k++)
            {
                bool live = k == 0 || Life(Key(s, k)) == 1;
                bool fits = !IsPooled(line) || Ext(line) == k || (_mutant == Mutant.PoolServesOtherKeyId && k != 0);
                if (live && fits)
                {
                    count = Add(s, Allocate(s, l, k), new(StepKind.Allocate, 0, (byte)l, (byte)k), next, steps, count);
                }
            }

            return IsPooled(line) && Broken is null
                ? Add(s, Shrink(s, l), new(StepKind.Shrink, 0, (byte)l, (byte)Ext(line)), next, steps, count)
                : count;
        }

        byte owner = (byte)(Owner(line) - 1);
        count = Add(s, Free(s, l, pool: false), new(StepKind.Free, 0, (byte)l, owner), next, steps, count);
        if (_policy == ProtocolPolicy.Pools && owner != 0 && Broken is null)
        {
            count = Add(s, Free(s, l, pool: true), new(StepKind.Pool, 0, (byte)l, owner), next, steps, count);
        }

        int other = 1 - l;
        bool canMigrate = _lines == 2 && IsWritten(line) && Owner(Line(s, other)) == 0 && !IsPooled(Line(s, other));
        for (int c = 0; c < _caches && canMigrate && Broken is null; c++)
        {
            count = Add(s, Migrate(s, c, l, other), new(StepKind.Migrate, (byte)c, (byte)l, owner), next, steps, count);
        }

        return count;
    }

    private int Add(ulong s, ulong after, Step step, Span<ulong> next, Span<Step> steps, int count)
    {
        if (after == s && Broken is null)
        {
            return count;
        }

        next[count] = after;
        steps[count] = step;
        return count + 1;
    }

    private ulong WriteBack(ulong s, int c, int l, int k)
    {
        int entry = Entry(s, c, l, k);
        return Kind(entry) == Modified ? WithMemory(s, l, IsCurrent(entry) ? 1 + k : 0) : s;
    }

    private ulong Evict(ulong s, int c, int l, int k) => WithEntry(WriteBack(s, c, l, k), c, l, k, Invalid);

    private ulong Flush(ulong s, int l, int k)
    {
        for (int c = 0; c < _caches; c++)
        {
            s = Evict(s, c, l, k);
        }

        return s;
    }

    // MESI within one KeyID. Nothing here looks at another KeyID.
    private ulong Acquire(ulong s, int c, int l, int k, bool forWriting)
    {
        int mine = Entry(s, c, l, k);
        if (mine != Invalid && (!forWriting || Kind(mine) != Shared))
        {
            return s;
        }

        int current = -1;
        for (int other = 0; other < _caches; other++)
        {
            int entry = Entry(s, other, l, k);
            if (other == c || entry == Invalid)
            {
                continue;
            }

            current = IsCurrent(entry) ? 1 : 0;
            s = WriteBack(s, other, l, k);
            s = WithEntry(s, other, l, k, forWriting ? Invalid : Shared + current);
        }

        if (mine != Invalid)
        {
            return WithEntry(s, c, l, k, Exclusive + (mine - Kind(mine)));
        }

        bool alone = forWriting || current < 0;
        int value = current >= 0 ? current : Memory(Line(s, l)) == 1 + k ? 1 : 0;
        return WithEntry(s, c, l, k, (alone ? Exclusive : Shared) + value);
    }

    private ulong Load(ulong s, int c, int l)
    {
        int k = Owner(Line(s, l)) - 1;
        s = Acquire(s, c, l, k, forWriting: false);
        if (!IsCurrent(Entry(s, c, l, k)))
        {
            Broken = "I2: a read under the owner's KeyID does not return the owner's last write";
        }

        return s;
    }

    private ulong Store(ulong s, int c, int l)
    {
        int k = Owner(Line(s, l)) - 1;
        s = Acquire(s, c, l, k, forWriting: true);
        if (!IsCurrent(Entry(s, c, l, k)))
        {
            Broken = "I2: a write to a part of a line keeps a rest that is not the owner's last write";
        }

        return Overwrite(s, c, l, k);
    }

    private ulong Zero(ulong s, int c, int l)
    {
        int k = Owner(Line(s, l)) - 1;
        int alias = _mutant == Mutant.ZeroBeforeKeyId ? 0 : k;
        s = WithLine(s, l, Line(s, l) | 0x10);
        s = Overwrite(Acquire(s, c, l, alias, forWriting: true), c, l, alias);
        return s;
    }

    private ulong Overwrite(ulong s, int c, int l, int k)
    {
        s = ForgetCurrent(s, l);
        return WithEntry(s, c, l, k, Modified + 1);
    }

    private ulong ForgetCurrent(ulong s, int l) => WithMemory(s & ~_currentBits[l], l, 0);
}
