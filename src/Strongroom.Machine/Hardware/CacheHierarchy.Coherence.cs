using System.Numerics;

namespace Strongroom.Machine.Hardware;

/// <content>Coherence within one KeyID, and evictions.</content>
internal sealed partial class CacheHierarchy
{
    /// <summary>Settles with all other holders who may keep the line, and notes the CPU as a holder.</summary>
    /// <returns>The state in which the CPU may hold it.</returns>
    private LineState ClaimWithinMachine(int cpu, int package, int llcSlot, ulong line, bool forWriting)
    {
        CacheArray llc = _llc[package];
        ulong others = llc.Sharers(llcSlot) & ~BitOf(cpu);
        if (!_coherence)
        {
            llc.SetSharers(llcSlot, others | BitOf(cpu));
            return LineState.Exclusive;
        }

        if (forWriting && llc.State(llcSlot) == LineState.Shared)
        {
            _ = SnoopPackages(package, line, invalidate: true);
            llc.SetState(llcSlot, LineState.Exclusive);
        }

        if (others != 0)
        {
            SnoopPrivate(package, llcSlot, line, others, invalidate: forWriting);
        }

        llc.SetSharers(llcSlot, forWriting ? BitOf(cpu) : others | BitOf(cpu));
        bool alone = forWriting || (others == 0 && llc.State(llcSlot) != LineState.Shared);
        return alone ? LineState.Exclusive : LineState.Shared;
    }

    /// <summary>Makes a line that this CPU holds as shared its own.</summary>
    private void Upgrade(int cpu, ulong line)
    {
        int package = PackageOf(cpu);
        int outer = _llc[package].Find(line);
        _ = ClaimWithinMachine(cpu, package, outer, line, forWriting: true);
        int mine = _l2[cpu].Find(line);
        _l2[cpu].SetState(mine, LineState.Exclusive);
        int inner = _l1[cpu].Find(line);
        if (inner >= 0)
        {
            _l1[cpu].SetState(inner, LineState.Exclusive);
        }
    }

    /// <summary>Takes the newest bytes of a line from private caches of one package into its LLC.</summary>
    private void SnoopPrivate(int package, int llcSlot, ulong line, ulong cpus, bool invalidate)
    {
        while (cpus != 0)
        {
            int cpu = (package * _cpusPerPackage) + BitOperations.TrailingZeroCount(cpus);
            cpus &= cpus - 1;
            _counters.Snoops++;
            PullPrivate(cpu, package, llcSlot, line, invalidate);
        }
    }

    private void PullPrivate(int cpu, int package, int llcSlot, ulong line, bool invalidate)
    {
        CacheArray l1 = _l1[cpu];
        CacheArray l2 = _l2[cpu];
        int inner = l1.Find(line);
        int outer = l2.Find(line);
        if (inner >= 0 && l1.State(inner) == LineState.Modified)
        {
            l1.Data(inner).CopyTo(_llc[package].Data(llcSlot));
            _llc[package].SetState(llcSlot, LineState.Modified);
        }
        else if (outer >= 0 && l2.State(outer) == LineState.Modified)
        {
            l2.Data(outer).CopyTo(_llc[package].Data(llcSlot));
            _llc[package].SetState(llcSlot, LineState.Modified);
        }

        Settle(l1, inner, _llc[package], llcSlot, invalidate);
        Settle(l2, outer, _llc[package], llcSlot, invalidate);
    }

    private static void Settle(CacheArray cache, int slot, CacheArray llc, int llcSlot, bool invalidate)
    {
        if (slot < 0)
        {
            return;
        }

        if (invalidate)
        {
            cache.Drop(slot);
            return;
        }

        // L2 under a modified L1 is stale: both leave with the bytes that the LLC now has.
        llc.Data(llcSlot).CopyTo(cache.Data(slot));
        cache.SetState(slot, LineState.Shared);
    }

    /// <summary>Asks all other packages for a line; a modified one is written to memory.</summary>
    /// <returns>Whether another package held it.</returns>
    private bool SnoopPackages(int package, ulong line, bool invalidate)
    {
        bool found = false;
        for (int other = 0; other < _llc.Length; other++)
        {
            int slot = other == package ? -1 : _llc[other].Find(line);
            if (slot < 0)
            {
                continue;
            }

            found = true;
            _counters.Snoops++;
            SnoopPrivate(other, slot, line, _llc[other].Sharers(slot), invalidate);
            _ = WriteBack(other, slot, line); // clean or not, the other package has memory's bytes now
            if (invalidate)
            {
                _llc[other].Drop(slot);
            }
            else
            {
                _llc[other].SetState(slot, LineState.Shared);
            }
        }

        return found;
    }

    private void EvictL1(int cpu, int slot)
    {
        CacheArray l1 = _l1[cpu];
        if (!l1.TryGetLine(slot, out ulong line))
        {
            return;
        }

        if (l1.State(slot) == LineState.Modified)
        {
            int outer = _l2[cpu].Find(line);
            l1.Data(slot).CopyTo(_l2[cpu].Data(outer));
            _l2[cpu].SetState(outer, LineState.Modified);
        }

        l1.Drop(slot);
    }

    private void EvictL2(int cpu, int slot)
    {
        CacheArray l2 = _l2[cpu];
        if (!l2.TryGetLine(slot, out ulong line))
        {
            return;
        }

        int package = PackageOf(cpu);
        int outer = _llc[package].Find(line);
        PullPrivate(cpu, package, outer, line, invalidate: true);
        _llc[package].SetSharers(outer, _llc[package].Sharers(outer) & ~BitOf(cpu));
    }

    private void EvictLlc(int package, int slot)
    {
        CacheArray llc = _llc[package];
        if (!llc.TryGetLine(slot, out ulong line))
        {
            return;
        }

        _ = Invalidate(package, slot, line); // whether it was dirty matters to flushes only
    }

    /// <summary>Writes a line of one package back if it is modified, and takes it out of all its caches.</summary>
    /// <returns>Whether it was written back.</returns>
    private bool Invalidate(int package, int slot, ulong line)
    {
        SnoopPrivate(package, slot, line, _llc[package].Sharers(slot), invalidate: true);
        bool dirty = WriteBack(package, slot, line);
        _llc[package].Drop(slot);
        return dirty;
    }

    private bool WriteBack(int package, int slot, ulong line)
    {
        CacheArray llc = _llc[package];
        if (llc.State(slot) != LineState.Modified)
        {
            return false;
        }

        _counters.MemoryWrites++;
        llc.SetState(slot, LineState.Exclusive);
        if (_values)
        {
            _memory.WriteLine(line, llc.Data(slot));
        }

        return true;
    }
}
