using System;
using System.Collections.Generic;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Keys;

namespace Strongroom.Memory;

/// <summary>The VMAs of one process, and the rules by which calls change them: the same for a real process and a
/// modelled one.</summary>
/// <remarks>
/// <para>Invariants, whenever no call is under way:</para>
/// <list type="bullet">
/// <item>VMAs are page-aligned, not empty, inside the limits, and do not overlap.</item>
/// <item>No two neighbours could be one: VMAs merge whenever they touch and agree in everything, above all in
/// KeyID.</item>
/// <item>Each VMA with a KeyID holds exactly one VMA reference of that slot.</item>
/// </list>
/// <para>
/// A call works on one piece of one VMA at a time, as the kernel does: it decides, asks the machine, and then replaces
/// VMAs in
/// <see cref="Splice"/>, the only place where VMAs and their references change and which cannot stop halfway. A call
/// that fails later leaves earlier pieces changed, where the kernel's does.
/// </para>
/// <para>Thread safety: none; the machine's lock of the address space (mmap_lock) is held around every call.</para>
/// </remarks>
public sealed partial class AddressSpace
{
    private readonly VmaMap _vmas = new();
    private readonly AddressSpaceOptions _options;
    private readonly List<Vma> _old = []; // what Splice takes out; empty between calls
    private readonly List<Vma> _new = []; // what it puts in; empty between calls

    /// <summary>Makes an empty address space.</summary>
    /// <param name="slots">Where VMAs leave their references.</param>
    /// <param name="machine">What holds the pages.</param>
    /// <param name="options">Limits; null for those of Linux on x86-64.</param>
    public AddressSpace(KeySlotTable slots, IMemoryMachine machine, AddressSpaceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(slots);
        ArgumentNullException.ThrowIfNull(machine);
        Slots = slots;
        Machine = machine;
        _options = options ?? new();
    }

    /// <summary>Gets the key slots.</summary>
    public KeySlotTable Slots { get; }

    /// <summary>Gets what holds the pages.</summary>
    public IMemoryMachine Machine { get; }

    /// <summary>Gets counts of what happened so far.</summary>
    public AddressSpaceCounters Counters { get; } = new();

    /// <summary>Gets the number of VMAs.</summary>
    public int VmaCount => _vmas.Count;

    /// <summary>Gets the VMAs by address. The address space must not change while they are listed.</summary>
    public IEnumerable<Vma> Vmas => _vmas.All();

    /// <summary>Finds the VMA that holds an address.</summary>
    public Vma? Find(VirtualAddress address) =>
        _vmas.FindAtOrAfter(address) is { } vma && vma.Range.Contains(address) ? vma : null;

    /// <summary>Finds the VMA that holds an address, or else the next one above it: find_vma of the kernel.</summary>
    public Vma? FindAtOrAfter(VirtualAddress address) => _vmas.FindAtOrAfter(address);

    /// <summary>Rounds a length up to whole pages.</summary>
    /// <returns>False when that is beyond 64 bits.</returns>
    private static bool TryAlign(ulong lengthBytes, out ulong aligned)
    {
        const ulong Mask = PageNumber.SizeBytes - 1;
        aligned = lengthBytes > ulong.MaxValue - Mask ? 0 : (lengthBytes + Mask) & ~Mask;
        return lengthBytes <= ulong.MaxValue - Mask;
    }

    private static bool IsAligned(ulong value) => value % PageNumber.SizeBytes == 0;

    private static AddressRange Range(ulong start, ulong end) => new(new(start), new(end));

    /// <summary>Plans to give a piece of a VMA other attributes: what is split off, and which neighbours it merges
    /// with.</summary>
    /// <param name="vma">The VMA.</param>
    /// <param name="part">The piece.</param>
    /// <param name="attributes">Its new attributes.</param>
    /// <returns>Success; or ENOMEM when there would be too many VMAs, and nothing is planned.</returns>
    /// <remarks>
    /// Neighbours are compared with the <em>new</em> attributes, KeyID included. The reference code compares the old
    /// KeyID (its mprotect path calls vma_merge before it sets the new one), and so may give a neighbour a KeyID
    /// without having dropped its pages.
    /// </remarks>
    private Errno Plan(Vma vma, AddressRange part, VmaAttributes attributes)
    {
        Debug.Assert(_old.Count == 0 && _new.Count == 0, "A plan was left over.");
        _old.Add(vma);
        if (vma.Start.Value < part.Start.Value)
        {
            _new.Add(Rest(vma, new(vma.Start, part.Start)));
        }

        if (part.End.Value < vma.End.Value)
        {
            _new.Add(Rest(vma, new(part.End, vma.End)));
        }

        PlanMerged(vma.Part(part, attributes), vma);
        return CheckPlan();
    }

    /// <summary>Plans a new VMA, merged with the neighbours that it touches and agrees with.</summary>
    /// <param name="vma">The new VMA.</param>
    /// <param name="before">What it was a part of, if it changes; only a seeded fault looks at it.</param>
    private void PlanMerged(Vma vma, Vma? before = null)
    {
        if (_vmas.FindBefore(vma.Start) is { } previous && !IsPlanned(previous) && CanMerge(previous, vma, previous, before))
        {
            _old.Add(previous);
            vma = new(new(previous.Start, vma.End), vma.Attributes, previous.OffsetBytes);
        }

        if (_vmas.FindAtOrAfter(vma.End) is { } next && !IsPlanned(next) && CanMerge(vma, next, next, before))
        {
            _old.Add(next);
            vma = new(new(vma.Start, next.End), vma.Attributes, vma.OffsetBytes);
        }

        _new.Add(vma);
    }

    private bool CanMerge(Vma first, Vma second, Vma neighbour, Vma? before)
    {
        VmaFault fault = _options.Fault;
        if (fault is not (VmaFault.MergeIgnoresKeyId or VmaFault.MergeIgnoresProtection or VmaFault.MergeByOldKeyId or VmaFault.MergeNever))
        {
            return first.CanMergeWith(second);
        }

        Vma changed = neighbour == first ? second : first;
        VmaAttributes compared = fault switch
        {
            VmaFault.MergeIgnoresKeyId => changed.Attributes.WithKeyId(neighbour.KeyId),
            VmaFault.MergeIgnoresProtection => changed.Attributes.WithProtection(neighbour.Protection),
            VmaFault.MergeByOldKeyId when before is not null => changed.Attributes.WithKeyId(before.KeyId),
            _ => changed.Attributes,
        };
        changed = changed.Part(changed.Range, compared);
        return fault != VmaFault.MergeNever && (neighbour == first ? first.CanMergeWith(changed) : changed.CanMergeWith(second));
    }

    /// <summary>Gets what stays of a VMA beside the part that changes.</summary>
    private Vma Rest(Vma vma, AddressRange rest) => _options.Fault == VmaFault.SplitDropsKeyId
        ? vma.Part(rest, vma.Attributes.WithKeyId(default))
        : vma.Part(rest);

    private bool IsPlanned(Vma vma) => _old.Contains(vma);

    private Errno CheckPlan()
    {
        if (_new.Count <= _old.Count || _vmas.Count - _old.Count + _new.Count <= _options.MaxVmaCount)
        {
            return Errno.None;
        }

        ForgetPlan();
        return Errno.ENOMEM;
    }

    private void ForgetPlan()
    {
        _old.Clear();
        _new.Clear();
    }

    /// <summary>Carries out the plan. New references are taken before old ones are dropped, so that no slot is released
    /// between.</summary>
    private void Splice()
    {
        Counters.Splits += Math.Max(0, _new.Count - Math.Max(1, _old.Count));
        Counters.Merges += Math.Max(0, _old.Count - Math.Max(1, _new.Count));
        int untaken = _options.Fault == VmaFault.SplitSkipsReference ? Math.Max(0, _new.Count - 1) : 0;
        for (int i = untaken; i < _new.Count; i++)
        {
            Slots.AddVma(_new[i].KeyId);
        }

        foreach (Vma vma in _old)
        {
            _vmas.Remove(vma);
        }

        foreach (Vma vma in _new)
        {
            _vmas.Add(vma);
        }

        foreach (Vma vma in _old)
        {
            Slots.DropVma(vma.KeyId);
        }

        ForgetPlan();
    }
}
