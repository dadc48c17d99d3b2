using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>Where a mapping may go.</summary>
public enum MapPlacement
{
    /// <summary>Anywhere; the address is a hint.</summary>
    Anywhere,

    /// <summary>Exactly there, in place of what is there: MAP_FIXED.</summary>
    Fixed,

    /// <summary>Exactly there, if nothing is there: MAP_FIXED_NOREPLACE.</summary>
    FixedNoReplace,
}

/// <summary>What a program asks mmap for.</summary>
public readonly struct MapRequest
{
    /// <summary>Asks for a mapping.</summary>
    /// <param name="lengthBytes">Length; rounded up to pages.</param>
    /// <param name="attributes">What it is to be. mmap and brk give KeyID 0; a key's own descriptor gives the
    /// key's.</param>
    /// <param name="address">Where, or a hint; 0 for no wish.</param>
    /// <param name="placement">How binding the address is.</param>
    /// <param name="offsetBytes">Where in the backing it starts; page-aligned; 0 for anonymous memory.</param>
    public MapRequest(
        ulong lengthBytes,
        VmaAttributes attributes,
        VirtualAddress address = default,
        MapPlacement placement = MapPlacement.Anywhere,
        ulong offsetBytes = 0)
    {
        LengthBytes = lengthBytes;
        Attributes = attributes;
        Address = address;
        Placement = placement;
        OffsetBytes = offsetBytes;
    }

    /// <summary>Gets the length, any.</summary>
    public ulong LengthBytes { get; }

    /// <summary>Gets what it is to be.</summary>
    public VmaAttributes Attributes { get; }

    /// <summary>Gets where, or a hint.</summary>
    public VirtualAddress Address { get; }

    /// <summary>Gets how binding the address is.</summary>
    public MapPlacement Placement { get; }

    /// <summary>Gets where in the backing it starts.</summary>
    public ulong OffsetBytes { get; }
}

/// <content>mmap: new mappings, and where they go.</content>
public sealed partial class AddressSpace
{
    /// <summary>Maps memory: mmap(2), after its flags and descriptor were looked at.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="address">Where it went.</param>
    /// <returns>
    /// Success; EINVAL (length 0, unaligned fixed address or offset); ENOMEM (no room, outside the limits, too many
    /// VMAs); EPERM (below the lowest address); EEXIST (something is there and must not be replaced).
    /// </returns>
    public Errno Map(in MapRequest request, out VirtualAddress address)
    {
        address = default;
        bool isFixed = request.Placement != MapPlacement.Anywhere;
        if (request.LengthBytes == 0 || !IsAligned(request.OffsetBytes))
        {
            return Errno.EINVAL;
        }

        if (!TryAlign(request.LengthBytes, out ulong length) || _vmas.Count >= _options.MaxVmaCount
            || length > _options.End.Value)
        {
            return Errno.ENOMEM;
        }

        if (!isFixed)
        {
            return TryFindGap(request.Address, length, out address)
                ? MapAt(AddressRange.FromLength(address, length), request) : Errno.ENOMEM;
        }

        address = request.Address;
        if (address.Value > _options.End.Value - length)
        {
            return Errno.ENOMEM;
        }

        AddressRange range = AddressRange.FromLength(address, length);
        return !IsAligned(address.Value) ? Errno.EINVAL
            : address.Value < _options.Lowest.Value ? Errno.EPERM
            : request.Placement == MapPlacement.FixedNoReplace && IsAnythingMapped(range) ? Errno.EEXIST
            : MapAt(range, request);
    }

    /// <summary>Tells whether any address of a range is mapped.</summary>
    public bool IsAnythingMapped(AddressRange range) =>
        _vmas.FindAtOrAfter(range.Start) is { } vma && vma.Start.Value < range.End.Value;

    private Errno MapAt(AddressRange range, in MapRequest request)
    {
        if (IsAnythingMapped(range))
        {
            Errno errno = UnmapPieces(range);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        ulong offset = request.Attributes.Backing.IsAnonymous ? 0 : request.OffsetBytes;
        PlanMerged(new(range, request.Attributes, offset));
        Errno planned = CheckPlan();
        if (planned == Errno.None)
        {
            Splice();
            Counters.Maps++;
        }

        return planned;
    }

    /// <summary>Finds room: at the hint if there is, else the highest below the base.</summary>
    private bool TryFindGap(VirtualAddress hint, ulong length, out VirtualAddress address)
    {
        if (hint.Value != 0 && TryAlign(hint.Value, out ulong aligned) && aligned >= _options.Lowest.Value
            && aligned <= _options.End.Value - length && !IsAnythingMapped(Range(aligned, aligned + length)))
        {
            address = new(aligned);
            return true;
        }

        return TryFindGapBelow(_options.MapBase.Value, length, out address)
            || TryFindGapBelow(_options.End.Value, length, out address);
    }

    private bool TryFindGapBelow(ulong end, ulong length, out VirtualAddress address)
    {
        address = default;
        while (end >= length && end - length >= _options.Lowest.Value)
        {
            Vma? below = _vmas.FindBefore(new(end));
            ulong floor = Math.Max(below?.End.Value ?? 0, _options.Lowest.Value);
            if (floor <= end && end - floor >= length)
            {
                address = new(end - length);
                return true;
            }

            if (below is null)
            {
                return false;
            }

            end = below.Start.Value;
        }

        return false;
    }
}
