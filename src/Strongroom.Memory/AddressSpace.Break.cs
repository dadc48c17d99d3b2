using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <content>The heap of brk, and stacks that grow.</content>
public sealed partial class AddressSpace
{
    // include/linux/mm.h: stack_guard_gap, 256 pages.
    private const ulong StackGuardGapBytes = 256UL * PageNumber.SizeBytes;

    private VirtualAddress _breakStart; // where the heap starts; page-aligned
    private VirtualAddress _break;      // where it ends, to the byte

    /// <summary>Gets the end of the heap, to the byte.</summary>
    public VirtualAddress Break => _break;

    /// <summary>Says where the heap starts, as exec does after the program is loaded.</summary>
    /// <param name="start">Page-aligned.</param>
    public void StartBreak(VirtualAddress start)
    {
        if (!IsAligned(start.Value))
        {
            throw new ArgumentException($"The heap cannot start at {start}, which is not a page.", nameof(start));
        }

        _breakStart = start;
        _break = start;
    }

    /// <summary>Moves the end of the heap: brk(2). New heap has KeyID 0, whatever the heap below it has.</summary>
    /// <param name="end">The new end.</param>
    /// <returns>The end after the call: the old one when it could not be moved.</returns>
    public VirtualAddress SetBreak(VirtualAddress end)
    {
        if (end.Value < _breakStart.Value || end.Value > _options.End.Value
            || !TryAlign(end.Value, out ulong newEnd) || !TryAlign(_break.Value, out ulong oldEnd)
            || newEnd > _options.End.Value)
        {
            return _break;
        }

        bool isDone = newEnd > oldEnd
            ? !IsAnythingMapped(Range(oldEnd, newEnd)) && MapAt(
                Range(oldEnd, newEnd), new(newEnd - oldEnd, new(Protection.ReadWrite))) == Errno.None
            : UnmapPieces(Range(newEnd, oldEnd)) == Errno.None;
        _break = isDone ? end : _break;
        return _break;
    }

    /// <summary>Grows the stack above an address down to it, as a fault there does.</summary>
    /// <param name="address">Any; its page becomes the first of the stack.</param>
    /// <returns>False when no growing VMA lies above, or the guard gap below it would be lost. Limits on the size of a
    /// stack are the machine's to keep.</returns>
    /// <remarks>Source: expand_downwards, mm/mmap.c.</remarks>
    public bool TryGrowDown(VirtualAddress address)
    {
        VirtualAddress start = address.Page.Address;
        if (_vmas.FindAtOrAfter(address) is not { } vma || (vma.Traits & VmaTraits.GrowsDown) == 0
            || start.Value < _options.Lowest.Value)
        {
            return false;
        }

        if (vma.Range.Contains(address))
        {
            return true;
        }

        if (_vmas.FindBefore(start) is { } below && (below.Traits & VmaTraits.GrowsDown) == 0
            && below.Protection != Protection.None
            && (below.End.Value > start.Value || start.Value - below.End.Value < StackGuardGapBytes))
        {
            return false;
        }

        _old.Add(vma);
        PlanMerged(new(new(start, vma.End), vma.Attributes, vma.OffsetBytes));
        Splice();
        return true;
    }
}
