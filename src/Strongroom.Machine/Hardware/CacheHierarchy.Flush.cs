namespace Strongroom.Machine.Hardware;

internal sealed partial class CacheHierarchy
{
    /// <summary>CLFLUSH: writes one line back if modified and invalidates it in every cache of the machine.</summary>
    /// <param name="line">A line number, KeyID included; only this KeyID's line is reached unless the machine says
    /// otherwise.</param>
    /// <returns>Whether bytes were written to memory.</returns>
    internal bool Flush(ulong line)
    {
        _counters.LineFlushes++;
        bool dirty = false;
        if (_reach == FlushReach.Alias)
        {
            dirty = FlushAlias(line);
        }
        else
        {
            ulong keyBits = Layout.KeyIdMask / CacheShape.LineBytes;
            ulong step = 1ul << (Layout.KeyIdShift - 6);
            for (int keyId = 0; keyId <= Layout.KeyIdCount; keyId++)
            {
                dirty |= FlushAlias((line & ~keyBits) | ((ulong)keyId * step));
            }
        }

        if (dirty)
        {
            _counters.DirtyLineFlushes++;
        }

        return dirty;
    }

    /// <summary>
    /// WBINVD or WBNOINVD on one CPU: all lines of its package are written back, and with WBINVD invalidated too.
    /// </summary>
    /// <remarks>The last level holds every private line, so invalidating it takes the other CPUs' lines
    /// along.</remarks>
    internal void FlushAll(int cpu, bool invalidate)
    {
        _counters.CacheFlushes++;
        int package = PackageOf(cpu);
        CacheArray llc = _llc[package];
        for (int slot = 0; slot < llc.Count; slot++)
        {
            if (!llc.TryGetLine(slot, out ulong line))
            {
                continue;
            }

            if (invalidate)
            {
                _ = Invalidate(package, slot, line); // whether a line was dirty does not matter here
            }
            else
            {
                // Pulling without invalidating leaves holders as sharers, so nobody's copy stays newer than memory.
                SnoopPrivate(package, slot, line, llc.Sharers(slot), invalidate: false);
                _ = WriteBack(package, slot, line);
            }
        }
    }

    /// <summary>Forces a line out of one CPU's private caches, as a capacity eviction would.</summary>
    internal void EvictPrivate(int cpu, ulong line)
    {
        int slot = _l2[cpu].Find(line);
        if (slot >= 0)
        {
            EvictL2(cpu, slot);
        }
    }

    /// <summary>Forces a line out of one package's last-level cache, as a capacity eviction would.</summary>
    internal void EvictShared(int package, ulong line)
    {
        int slot = _llc[package].Find(line);
        if (slot >= 0)
        {
            EvictLlc(package, slot);
        }
    }

    /// <summary>Forgets every line without writing anything back: what a power loss does to caches.</summary>
    internal void LoseAll()
    {
        foreach (CacheArray cache in _l1)
        {
            Lose(cache);
        }

        foreach (CacheArray cache in _l2)
        {
            Lose(cache);
        }

        foreach (CacheArray cache in _llc)
        {
            Lose(cache);
        }
    }

    /// <summary>Tells whether any cache holds a line, under the KeyID that its number has.</summary>
    /// <param name="line">A line number, KeyID included.</param>
    /// <param name="dirty">Whether any cache of the machine holds bytes that are newer than memory.</param>
    /// <returns>Whether any cache of the machine holds it.</returns>
    internal bool IsCached(ulong line, out bool dirty)
    {
        bool found = false;
        dirty = false;
        for (int package = 0; package < _llc.Length; package++)
        {
            int slot = _llc[package].Find(line);
            if (slot < 0)
            {
                continue;
            }

            found = true;
            dirty |= _llc[package].State(slot) == LineState.Modified;
            for (int cpu = package * _cpusPerPackage; cpu < (package + 1) * _cpusPerPackage; cpu++)
            {
                dirty |= IsModified(_l1[cpu], line) || IsModified(_l2[cpu], line);
            }
        }

        return found;
    }

    /// <summary>Finds a line that some cache holds newer than memory and that a rule forbids.</summary>
    /// <param name="isAllowed">The rule, on line numbers with KeyID.</param>
    /// <returns>The line, or null.</returns>
    internal ulong? FindModified(System.Predicate<ulong> isAllowed)
    {
        foreach (CacheArray llc in _llc)
        {
            for (int slot = 0; slot < llc.Count; slot++)
            {
                if (llc.TryGetLine(slot, out ulong line) && !isAllowed(line) && IsCached(line, out bool dirty) && dirty)
                {
                    return line;
                }
            }
        }

        return null;
    }

    /// <summary>
    /// Describes the line in each level of one CPU's path to memory: three letters, L1, L2 and LLC, each of M E S I.
    /// </summary>
    internal string Describe(int cpu, ulong line) => string.Concat(
        Letter(_l1[cpu], line),
        Letter(_l2[cpu], line),
        Letter(_llc[PackageOf(cpu)], line));

    /// <summary>Checks the rules between levels and between holders; meant for tests.</summary>
    /// <returns>The first broken rule in words, or null.</returns>
    internal string? FindBrokenRule()
    {
        for (int cpu = 0; cpu < _l1.Length; cpu++)
        {
            string? broken = FindUncovered(_l1[cpu], _l2[cpu], "L1", cpu) ?? FindUncovered(_l2[cpu], _llc[PackageOf(cpu)], "L2", cpu);
            if (broken is not null)
            {
                return broken;
            }
        }

        return _coherence ? FindDoubleOwner() : null;
    }

    private static string? FindUncovered(CacheArray inner, CacheArray outer, string level, int cpu)
    {
        for (int slot = 0; slot < inner.Count; slot++)
        {
            if (inner.TryGetLine(slot, out ulong line) && outer.Find(line) < 0)
            {
                return $"{level} of CPU {cpu} holds line 0x{line:x}, which the level below does not.";
            }
        }

        return null;
    }

    private string? FindDoubleOwner()
    {
        for (int cpu = 0; cpu < _l2.Length; cpu++)
        {
            for (int slot = 0; slot < _l2[cpu].Count; slot++)
            {
                if (!_l2[cpu].TryGetLine(slot, out ulong line) || _l2[cpu].State(slot) == LineState.Shared)
                {
                    continue;
                }

                for (int other = 0; other < _l2.Length; other++)
                {
                    if (other != cpu && _l2[other].Find(line) >= 0)
                    {
                        return $"CPU {cpu} owns line 0x{line:x}, which CPU {other} holds too.";
                    }
                }
            }
        }

        return null;
    }

    private static string Letter(CacheArray cache, ulong line)
    {
        int slot = cache.Find(line);
        return (slot < 0 ? LineState.Invalid : cache.State(slot)) switch
        {
            LineState.Modified => "M",
            LineState.Exclusive => "E",
            LineState.Shared => "S",
            _ => "I",
        };
    }

    private static bool IsModified(CacheArray cache, ulong line)
    {
        int slot = cache.Find(line);
        return slot >= 0 && cache.State(slot) == LineState.Modified;
    }

    private static void Lose(CacheArray cache)
    {
        for (int slot = 0; slot < cache.Count; slot++)
        {
            cache.Drop(slot);
        }
    }

    private bool FlushAlias(ulong line)
    {
        bool dirty = false;
        for (int package = 0; package < _llc.Length; package++)
        {
            int slot = _llc[package].Find(line);
            if (slot >= 0)
            {
                dirty |= Invalidate(package, slot, line);
            }
        }

        return dirty;
    }
}
