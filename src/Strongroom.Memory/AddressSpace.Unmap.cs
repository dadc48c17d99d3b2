using Strongroom.Core;

namespace Strongroom.Memory;

/// <content>munmap, and the ends of an address space.</content>
public sealed partial class AddressSpace
{
    /// <summary>Unmaps a range: munmap(2).</summary>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">Rounded up to pages; 0 is EINVAL.</param>
    /// <returns>Success, also when nothing was mapped; EINVAL; ENOMEM (cutting a VMA in two would be one too
    /// many).</returns>
    public Errno Unmap(VirtualAddress address, ulong lengthBytes)
    {
        if (!IsAligned(address.Value) || address.Value > _options.End.Value
            || lengthBytes > _options.End.Value - address.Value || lengthBytes == 0
            || !TryAlign(lengthBytes, out ulong length))
        {
            return Errno.EINVAL;
        }

        Errno errno = UnmapPieces(AddressRange.FromLength(address, length));
        Counters.Unmaps += errno == Errno.None ? 1 : 0;
        return errno;
    }

    /// <summary>Unmaps everything: exec and exit.</summary>
    public void UnmapAll()
    {
        _ = UnmapPieces(Range(0, _options.End.Value)); // cuts nothing in two, so it cannot fail
        _breakStart = default;
        _break = default;
    }

    private Errno UnmapPieces(AddressRange range)
    {
        // Only a range strictly inside one VMA makes more VMAs; it is checked before anything is done.
        Errno errno = PlanUnmap(range);
        if (errno != Errno.None)
        {
            return errno;
        }

        foreach (Vma vma in _old)
        {
            Machine.Unmap(vma, vma.Range.Intersect(range));
            LeakReference(VmaFault.UnmapKeepsReference, vma);
        }

        Splice();
        return Errno.None;
    }

    // What a seeded fault does instead of dropping a reference.
    private void LeakReference(VmaFault fault, Vma vma)
    {
        if (_options.Fault == fault)
        {
            Slots.AddVma(vma.KeyId);
        }
    }

    private Errno PlanUnmap(AddressRange range)
    {
        for (Vma? vma = _vmas.FindAtOrAfter(range.Start); vma is not null && vma.Start.Value < range.End.Value;
            vma = _vmas.FindAtOrAfter(vma.End))
        {
            _old.Add(vma);
            if (vma.Start.Value < range.Start.Value)
            {
                _new.Add(Rest(vma, new(vma.Start, range.Start)));
            }

            if (range.End.Value < vma.End.Value)
            {
                _new.Add(Rest(vma, new(range.End, vma.End)));
            }
        }

        return CheckPlan();
    }
}
