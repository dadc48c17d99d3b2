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

internal sealed partial class ProtocolModel
{
    /// <inheritdoc/>
    internal override int Successors(ulong s, Span<ulong> next, Span<Step> steps)
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
                count = Add(s, Create(s, k), Took(StepKind.CreateKey, 0, 0, k), next, steps, count);
            }
            else if (Life(Key(s, k)) == 1)
            {
                count = Add(s, Destroy(s, k), Took(StepKind.DestroyKey, 0, 0, k), next, steps, count);
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
                    count = Add(s, Evict(s, c, l, k), Took(StepKind.Evict, c, l, k), next, steps, count);
                }
                else if (_speculation == Speculation.All || (_speculation == Speculation.Platform && k == 0))
                {
                    count = Add(s, Acquire(s, c, l, k, false), Took(StepKind.Speculate, c, l, k), next, steps, count);
                }
            }

            if (owner == 0 || Broken is not null)
            {
                continue;
            }

            int key = owner - 1;
            if (!IsWritten(line))
            {
                count = Add(s, Zero(s, c, l), Took(StepKind.Zero, c, l, key), next, steps, count);
                continue;
            }

            count = Add(s, Load(s, c, l), Took(StepKind.Load, c, l, key), next, steps, count);
            if (Broken is null)
            {
                count = Add(s, Store(s, c, l), Took(StepKind.Store, c, l, key), next, steps, count);
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
                    count = Add(s, Allocate(s, l, k), Took(StepKind.Allocate, 0, l, k), next, steps, count);
                }
            }

            return IsPooled(line) && Broken is null
                ? Add(s, Shrink(s, l), Took(StepKind.Shrink, 0, l, Ext(line)), next, steps, count)
                : count;
        }

        int owner = Owner(line) - 1;
        count = Add(s, Free(s, l, pool: false), Took(StepKind.Free, 0, l, owner), next, steps, count);
        if (_policy == ProtocolPolicy.Pools && owner != 0 && Broken is null)
        {
            count = Add(s, Free(s, l, pool: true), Took(StepKind.Pool, 0, l, owner), next, steps, count);
        }

        int other = 1 - l;
        bool canMigrate = _lines == 2 && IsWritten(line) && Owner(Line(s, other)) == 0 && !IsPooled(Line(s, other));
        for (int c = 0; c < _caches && canMigrate && Broken is null; c++)
        {
            count = Add(s, Migrate(s, c, l, other), Took(StepKind.Migrate, c, l, owner), next, steps, count);
        }

        return count;
    }

    private static Step Took(StepKind kind, int cache, int line, int keyId) => new((byte)kind, (byte)cache, (byte)line, (byte)keyId);

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
