using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>What mremap may do; the numbers of its flags.</summary>
[Flags]
public enum RemapOptions
{
    /// <summary>Only shrink, or grow in place.</summary>
    None = 0,

    /// <summary>Move if there is no room: MREMAP_MAYMOVE.</summary>
    MayMove = 1,

    /// <summary>Move to the given address, in place of what is there: MREMAP_FIXED.</summary>
    Fixed = 2,

    /// <summary>Leave the old range mapped, empty: MREMAP_DONTUNMAP.</summary>
    DontUnmap = 4,
}

/// <content>mremap: contents, KeyID and references go along.</content>
public sealed partial class AddressSpace
{
    /// <summary>Shrinks, grows or moves a mapping: mremap(2).</summary>
    /// <param name="oldAddress">Page-aligned, or EINVAL.</param>
    /// <param name="oldLengthBytes">Rounded up to pages; 0 maps shared memory a second time.</param>
    /// <param name="newLengthBytes">Rounded up to pages; 0 is EINVAL.</param>
    /// <param name="options">What may be done.</param>
    /// <param name="newAddress">Where to, with <see cref="RemapOptions.Fixed"/>; a hint with
    /// <see cref="RemapOptions.DontUnmap"/>.</param>
    /// <param name="address">Where the mapping is now.</param>
    /// <returns>
    /// Success; EINVAL (options, alignment, new length 0, old length 0 of private memory, new place outside the limits
    /// or over the old one, leaving behind what is not anonymous); EFAULT (the old range is not in one VMA); ENOMEM (no
    /// room, too many VMAs); EPERM (below the lowest address); what the machine refuses with.
    /// </returns>
    /// <remarks>Source: check_mremap_params and mremap_to, mm/mremap.c of Linux 6.18, for the order of the checks. Kernels
    /// before 6.17 look for the VMA before they look at the new place.</remarks>
    public Errno Remap(
        VirtualAddress oldAddress,
        ulong oldLengthBytes,
        ulong newLengthBytes,
        RemapOptions options,
        VirtualAddress newAddress,
        out VirtualAddress address)
    {
        address = oldAddress;
        bool mustMove = (options & (RemapOptions.Fixed | RemapOptions.DontUnmap)) != 0;
        bool mayMove = (options & RemapOptions.MayMove) != 0;
        if ((options & ~(RemapOptions.MayMove | RemapOptions.Fixed | RemapOptions.DontUnmap)) != 0
            || (mustMove && !mayMove)
            || ((options & RemapOptions.DontUnmap) != 0 && oldLengthBytes != newLengthBytes)
            || !IsAligned(oldAddress.Value) || newLengthBytes == 0)
        {
            return Errno.EINVAL;
        }

        if (!TryAlign(oldLengthBytes, out ulong oldLength) || !TryAlign(newLengthBytes, out ulong newLength)
            || oldLength > ulong.MaxValue - oldAddress.Value || newLength > _options.End.Value)
        {
            return Errno.EINVAL;
        }

        AddressRange old = AddressRange.FromLength(oldAddress, oldLength);
        if (mustMove && !IsPossiblePlace(old, newAddress, newLength))
        {
            return Errno.EINVAL;
        }

        if (Find(oldAddress) is not { } vma)
        {
            return Errno.EFAULT;
        }

        return mustMove ? RemapTo(old, newLength, options, newAddress, out address)
            : oldLength >= newLength && oldLength != 0 ? Shrink(old, newLength)
            : GrowOrMove(vma, old, newLength, mayMove, out address);
    }

    private Errno Shrink(AddressRange old, ulong newLength)
    {
        VirtualAddress keptEnd = new(old.Start.Value + newLength);
        return keptEnd == old.End ? Errno.None
            : old.End.Value > _options.End.Value ? Errno.EINVAL
            : UnmapPieces(new(keptEnd, old.End));
    }

    private Errno GrowOrMove(Vma vma, AddressRange old, ulong newLength, bool mayMove, out VirtualAddress address)
    {
        address = old.Start;
        Errno errno = CheckResizable(vma, old);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (old.End == vma.End && !old.IsEmpty && newLength <= _options.End.Value - old.Start.Value)
        {
            AddressRange more = new(old.End, new(old.Start.Value + newLength));
            if (!IsAnythingMapped(more))
            {
                Vma grown = new(new(vma.Start, more.End), vma.Attributes, vma.OffsetBytes);
                _old.Add(vma);
                PlanMerged(grown);
                Splice();
                return Errno.None;
            }
        }

        return !mayMove || !TryFindGap(default, newLength, out VirtualAddress place)
            ? Errno.ENOMEM
            : MoveTo(vma, old, AddressRange.FromLength(place, newLength), isLeftMapped: false, out address);
    }

    private Errno RemapTo(
        AddressRange old, ulong newLength, RemapOptions options, VirtualAddress newAddress, out VirtualAddress address)
    {
        address = old.Start;
        bool isFixed = (options & RemapOptions.Fixed) != 0;
        AddressRange place = AddressRange.FromLength(newAddress, newLength);
        if (isFixed)
        {
            if (newAddress.Value < _options.Lowest.Value)
            {
                return Errno.EPERM;
            }

            Errno unmapped = UnmapPieces(place);
            if (unmapped != Errno.None)
            {
                return unmapped;
            }
        }

        if (old.LengthBytes > newLength)
        {
            Errno shrunk = Shrink(old, newLength);
            if (shrunk != Errno.None)
            {
                return shrunk;
            }

            old = AddressRange.FromLength(old.Start, newLength);
        }

        // What was unmapped for the new place may have been a part of the old one's VMA.
        Vma vma = Find(old.Start)!;
        Errno errno = CheckResizable(vma, old);
        if (errno != Errno.None || ((options & RemapOptions.DontUnmap) != 0 && !vma.IsAnonymous))
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        if (!isFixed)
        {
            if (!TryFindGap(newAddress, newLength, out VirtualAddress found))
            {
                return Errno.ENOMEM;
            }

            place = AddressRange.FromLength(found, newLength);
        }

        return MoveTo(vma, old, place, (options & RemapOptions.DontUnmap) != 0, out address);
    }

    private bool IsPossiblePlace(AddressRange old, VirtualAddress newAddress, ulong newLength) =>
        IsAligned(newAddress.Value) && newAddress.Value <= _options.End.Value - newLength
        && !old.Overlaps(AddressRange.FromLength(newAddress, newLength));

    private static Errno CheckResizable(Vma vma, AddressRange old) =>
        old.IsEmpty && vma.Backing.Kind is VmaBackingKind.Anonymous or VmaBackingKind.PrivateFile
            ? Errno.EINVAL
            : old.End.Value > vma.End.Value ? Errno.EFAULT : Errno.None;

    /// <summary>Moves a piece of a VMA to a free place, longer there if asked for.</summary>
    private Errno MoveTo(Vma vma, AddressRange old, AddressRange place, bool isLeftMapped, out VirtualAddress address)
    {
        address = old.Start;

        // Counted for the worst case, in which the old VMA is cut in three and the new place merges with nothing.
        if (_vmas.Count + 2 > _options.MaxVmaCount)
        {
            return Errno.ENOMEM;
        }

        Errno errno = old.IsEmpty ? Errno.None : Machine.Move(vma, old, place.Start);
        if (errno != Errno.None)
        {
            return errno;
        }

        ulong offset = vma.IsAnonymous ? 0 : checked(vma.OffsetBytes + (old.Start.Value - vma.Start.Value));
        VmaAttributes moved = _options.Fault == VmaFault.RemapDropsKeyId ? vma.Attributes.WithKeyId(default) : vma.Attributes;
        PlanMerged(new(place, moved, offset));
        Splice();
        LeakReference(VmaFault.RemapKeepsReference, vma);
        if (!old.IsEmpty && !isLeftMapped)
        {
            _ = PlanUnmap(old); // the count was checked above
            Splice();
        }

        Counters.Moves++;
        address = place.Start;
        return Errno.None;
    }
}
