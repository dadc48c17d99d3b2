using System;

namespace Strongroom.Machine.Hardware;

/// <summary>
/// The caches of the whole machine, and what keeps them coherent within one KeyID and only within one KeyID.
/// </summary>
/// <remarks>
/// <para>Shape: L1 and L2 private to a CPU, L1 within L2; one last-level cache (LLC) per package that holds every line
/// of the private caches above it and knows which CPUs hold it. Packages snoop each other through their LLCs.</para>
/// <para>States at each level (MESI). Private: S while any other CPU may hold the line, E or M for its only holder; E
/// turns to M on a store without telling anyone, so an owner is always asked before its line is used. LLC: S while
/// another package may hold the line, E or M otherwise; the newest bytes of an E or M line may still be in one private
/// cache.</para>
/// <code>
/// load miss    I -> E (nobody else holds it) or S; another CPU's M is written to the LLC and both become S
/// store        E -> M silently; S -> M after all other copies are invalidated; I -> M likewise
/// eviction     M goes one level out (L1 -> L2 -> LLC -> memory); leaving the LLC takes the private copies along
/// flush        M is written to memory; every copy of this line, in every package, becomes I
/// </code>
/// <para>Nothing here ever compares two lines that differ in KeyID only: such aliases are strangers to each other,
/// which is the hazard this model exists for. Source: Intel MKTME specification, "cache coherency"; "MKTME enabling",
/// version 5, key design points.</para>
/// <para>Thread safety: none. Allocates: nothing after construction.</para>
/// </remarks>
internal sealed partial class CacheHierarchy
{
    private readonly CacheArray[] _l1;
    private readonly CacheArray[] _l2;
    private readonly CacheArray[] _llc;
    private readonly ulong[] _lastLine;
    private readonly int[] _lastSlot;
    private readonly int _cpusPerPackage;
    private readonly bool _coherence;
    private readonly bool _values;
    private readonly FlushReach _reach;
    private readonly IMemoryBus _memory;
    private readonly Counters _counters;

    /// <summary>Makes the caches of a machine, all empty.</summary>
    internal CacheHierarchy(MachineConfig config, PhysicalLayout layout, IMemoryBus memory, Counters counters)
    {
        _cpusPerPackage = config.CpusPerPackage;
        _coherence = config.Coherence;
        _values = config.Values;
        _reach = config.FlushReach;
        Layout = layout;
        _memory = memory;
        _counters = counters;
        int cpus = config.Packages * config.CpusPerPackage;
        _l1 = new CacheArray[cpus];
        _l2 = new CacheArray[cpus];
        _llc = new CacheArray[config.Packages];
        _lastLine = new ulong[cpus];
        _lastSlot = new int[cpus];
        _lastLine.AsSpan().Fill(ulong.MaxValue - 1);
        for (int cpu = 0; cpu < cpus; cpu++)
        {
            _l1[cpu] = new CacheArray(config.L1, config.Values, tracksSharers: false);
            _l2[cpu] = new CacheArray(config.L2, config.Values, tracksSharers: false);
        }

        for (int package = 0; package < config.Packages; package++)
        {
            _llc[package] = new CacheArray(config.Llc, config.Values, tracksSharers: true);
        }
    }

    /// <summary>
    /// Gets or sets where the KeyID sits in a line number; used only by a machine whose flush reaches all aliases.
    /// </summary>
    internal PhysicalLayout Layout { get; set; }

    /// <summary>Makes a line readable in a CPU's first-level cache.</summary>
    /// <returns>Its bytes; empty in a machine without values.</returns>
    internal ReadOnlySpan<byte> Load(int cpu, ulong line)
    {
        _counters.Loads++;
        CacheArray l1 = _l1[cpu];
        if (_lastLine[cpu] == line && l1.Holds(_lastSlot[cpu], line))
        {
            return l1.Data(_lastSlot[cpu]);
        }

        int slot = l1.Find(line);
        if (slot < 0)
        {
            slot = FillL1(cpu, line, forWriting: false);
        }
        else
        {
            l1.Touch(slot);
        }

        _lastLine[cpu] = line;
        _lastSlot[cpu] = slot;
        return l1.Data(slot);
    }

    /// <summary>Makes a line writable in a CPU's first-level cache and marks it modified.</summary>
    /// <returns>Its bytes, for the caller to change; empty in a machine without values.</returns>
    internal Span<byte> Store(int cpu, ulong line)
    {
        _counters.Stores++;
        CacheArray l1 = _l1[cpu];
        int slot = _lastLine[cpu] == line && l1.Holds(_lastSlot[cpu], line) ? _lastSlot[cpu] : l1.Find(line);
        if (slot < 0)
        {
            slot = FillL1(cpu, line, forWriting: true);
        }
        else
        {
            if (l1.State(slot) == LineState.Shared)
            {
                Upgrade(cpu, line);
            }

            l1.Touch(slot);
        }

        l1.SetState(slot, LineState.Modified);
        _lastLine[cpu] = line;
        _lastSlot[cpu] = slot;
        return l1.Data(slot);
    }

    private int PackageOf(int cpu) => cpu / _cpusPerPackage;

    private ulong BitOf(int cpu) => 1ul << (cpu % _cpusPerPackage);

    private int FillL1(int cpu, ulong line, bool forWriting)
    {
        _counters.L1Misses++;
        CacheArray l1 = _l1[cpu];
        CacheArray l2 = _l2[cpu];
        int outer = l2.Find(line);
        if (outer < 0)
        {
            outer = FillL2(cpu, line, forWriting);
        }
        else
        {
            if (forWriting && l2.State(outer) == LineState.Shared)
            {
                Upgrade(cpu, line);
            }

            l2.Touch(outer);
        }

        int slot = l1.Victim(line);
        EvictL1(cpu, slot);
        l1.Install(slot, line, l2.State(outer) == LineState.Shared ? LineState.Shared : LineState.Exclusive);
        l2.Data(outer).CopyTo(l1.Data(slot));
        return slot;
    }

    private int FillL2(int cpu, ulong line, bool forWriting)
    {
        _counters.L2Misses++;
        int package = PackageOf(cpu);
        CacheArray llc = _llc[package];
        int outer = llc.Find(line);
        if (outer < 0)
        {
            outer = FillLlc(package, line, forWriting);
        }
        else
        {
            llc.Touch(outer);
        }

        LineState state = ClaimWithinMachine(cpu, package, outer, line, forWriting);

        // Making room in L2 can write to the LLC but never evicts from it, so `outer` stays valid.
        CacheArray l2 = _l2[cpu];
        int slot = l2.Victim(line);
        EvictL2(cpu, slot);
        l2.Install(slot, line, state);
        llc.Data(outer).CopyTo(l2.Data(slot));
        return slot;
    }

    private int FillLlc(int package, ulong line, bool forWriting)
    {
        _counters.LlcMisses++;
        CacheArray llc = _llc[package];
        int slot = llc.Victim(line);
        EvictLlc(package, slot);
        bool elsewhere = _coherence && SnoopPackages(package, line, invalidate: forWriting);
        _counters.MemoryReads++;
        llc.Install(slot, line, elsewhere && !forWriting ? LineState.Shared : LineState.Exclusive);
        if (_values)
        {
            _memory.ReadLine(line, llc.Data(slot));
        }

        return slot;
    }
}
