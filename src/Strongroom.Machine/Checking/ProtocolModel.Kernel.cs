using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <content>What the kernel does: pages and keys.</content>
internal sealed partial class ProtocolModel
{
    private ulong Allocate(ulong s, int l, int k)
    {
        int line = Line(s, l);
        int ext = Ext(line);
        if (_policy == ProtocolPolicy.LastKeyId)
        {
            bool flush = _mutant switch
            {
                Mutant.LastKeyIdAlwaysElides => false,
                Mutant.LastKeyIdIgnoresPlatform => ext != k && k != 0,
                _ => ext != k,
            };
            s = flush ? Flush(s, l, _mutant == Mutant.LastKeyIdFlushesNew ? k : ext) : s;
        }
        else if (k != 0 && !IsPooled(line) && _mutant != Mutant.SkipFlushOnAllocate)
        {
            s = Flush(s, l, _mutant == Mutant.FlushNewAliasOnAllocate ? k : 0);
        }

        line = Memory(Line(s, l)) | ((1 + k) << 2) | (ext << 5);
        s = WithLine(s, l, line);
        if (_mutant is not (Mutant.SkipPageExt or Mutant.LastKeyIdNotRecorded))
        {
            s = WithExt(s, l, k);
        }

        return k != 0 && _mutant != Mutant.SkipPageReference ? WithKey(s, k, Key(s, k) + 4) : s;
    }

    private ulong Free(ulong s, int l, bool pool)
    {
        int k = Owner(Line(s, l)) - 1;
        s = WithLine(ForgetCurrent(s, l), l, Line(s, l) & 0x60);
        if (k == 0)
        {
            return s;
        }

        if (pool)
        {
            s = WithLine(s, l, Line(s, l) | 0x80);
        }
        else if (_policy != ProtocolPolicy.LastKeyId)
        {
            s = _mutant == Mutant.SkipFlushOnFree ? s : Flush(s, l, _mutant == Mutant.FlushPlatformAliasOnFree ? 0 : k);
            s = _mutant == Mutant.KeepKeyIdOnFree ? s : WithExt(s, l, 0);
        }

        return DropReference(s, k);
    }

    private ulong DropReference(ulong s, int k)
    {
        if (_mutant == Mutant.SkipPageUnreference || References(Key(s, k)) == 0)
        {
            return s;
        }

        s = WithKey(s, k, Key(s, k) - 4);
        return Life(Key(s, k)) == 2 && References(Key(s, k)) == 0 ? Retire(s, k) : s;
    }

    private ulong Shrink(ulong s, int l)
    {
        int line = Line(s, l);
        s = _mutant == Mutant.PoolShrinksWithoutFlush ? s : Flush(s, l, Ext(line));
        return WithLine(s, l, Memory(Line(s, l)));
    }

    private ulong Migrate(ulong s, int c, int from, int to)
    {
        int k = Owner(Line(s, from)) - 1;
        s = Load(s, c, from);
        s = Allocate(s, to, k);
        int alias = _mutant == Mutant.MigrateToPlatformKey ? 0 : k;
        s = WithLine(s, to, Line(s, to) | 0x10);
        s = Overwrite(Acquire(s, c, to, alias, forWriting: true), c, to, alias);
        return Free(s, from, pool: false);
    }

    private ulong Create(ulong s, int k)
    {
        for (int l = 0; l < _lines; l++)
        {
            if (Owner(Line(s, l)) == 1 + k)
            {
                Broken = "I5: a slot is programmed while a page is encrypted under it";
            }

            // What was stored under the slot's old key is noise under the new one.
            s = Memory(Line(s, l)) == 1 + k ? WithMemory(s, l, 0) : s;
        }

        return WithKey(s, k, 1);
    }

    private ulong Destroy(ulong s, int k)
    {
        s = WithKey(s, k, (Key(s, k) & ~3) | 2);
        return References(Key(s, k)) == 0 || _mutant == Mutant.RetireInUse ? Retire(s, k) : s;
    }

    private ulong Retire(ulong s, int k)
    {
        if (_policy == ProtocolPolicy.LastKeyId && _mutant != Mutant.SkipFlushOnRetire)
        {
            for (int l = 0; l < _lines; l++)
            {
                for (int any = 0; any < _keyIds; any++)
                {
                    s = Flush(s, l, any);
                }
            }
        }

        for (int l = 0; l < _lines; l++)
        {
            if (IsPooled(Line(s, l)) && Ext(Line(s, l)) == k && _mutant != Mutant.PoolNotDrainedOnRetire)
            {
                s = Shrink(s, l);
            }

            for (int c = 0; c < _caches; c++)
            {
                if (Kind(Entry(s, c, l, k)) == Modified)
                {
                    Broken = "I5: a slot is cleared while a cache holds a modified line under it";
                }
            }
        }

        return WithKey(s, k, 0);
    }
}
