using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <content>mprotect, and the walk over a range that it shares with encrypt_mprotect.</content>
public sealed partial class AddressSpace
{
    /// <summary>Changes the protection of a range: mprotect(2). KeyIDs and contents stay.</summary>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">Rounded up to pages; 0 succeeds and does nothing.</param>
    /// <param name="request">PROT_ bits as passed.</param>
    /// <returns>
    /// Success; EINVAL (grows both ways, unaligned, unknown bits, PROT_GROWSDOWN on what does not grow); ENOMEM (the
    /// range ends beyond the address space or holds a hole, or too many VMAs; what lies before stays changed); EACCES
    /// (more than the mapping allows); what the machine refuses with.
    /// </returns>
    /// <remarks>Source: do_mprotect_pkey, mm/mprotect.c, for the order of the checks.</remarks>
    public Errno Protect(VirtualAddress address, ulong lengthBytes, ProtectionRequest request)
    {
        Errno errno = CheckProtectArguments(address, lengthBytes, request, out AddressRange range);
        return errno != Errno.None || range.IsEmpty ? errno : ChangePieces(range, request.Protection, default);
    }

    private Errno CheckProtectArguments(
        VirtualAddress address, ulong lengthBytes, ProtectionRequest request, out AddressRange range)
    {
        range = new(address, address);
        if ((request.GrowsDown && request.GrowsUp) || !IsAligned(address.Value))
        {
            return Errno.EINVAL;
        }

        if (lengthBytes == 0)
        {
            return Errno.None;
        }

        if (!TryAlign(lengthBytes, out ulong length) || length > ulong.MaxValue - address.Value)
        {
            return Errno.ENOMEM;
        }

        range = AddressRange.FromLength(address, length);
        return request.IsValid ? AdjustToGrowth(request, ref range) : Errno.EINVAL;
    }

    /// <summary>Finds the first VMA, and makes the range begin with it when a growing one is meant.</summary>
    private Errno AdjustToGrowth(ProtectionRequest request, ref AddressRange range)
    {
        if (_vmas.FindAtOrAfter(range.Start) is not { } first)
        {
            return Errno.ENOMEM;
        }

        if (request.GrowsDown)
        {
            if (first.Start.Value >= range.End.Value)
            {
                return Errno.ENOMEM;
            }

            range = new(first.Start, range.End);
            return (first.Traits & VmaTraits.GrowsDown) != 0 ? Errno.None : Errno.EINVAL;
        }

        // PROT_GROWSUP wants a VMA that grows upwards, of which x86-64 has none.
        return first.Start.Value > range.Start.Value ? Errno.ENOMEM : request.GrowsUp ? Errno.EINVAL : Errno.None;
    }

    /// <summary>Changes a range piece by piece until its end, a hole or an error.</summary>
    /// <param name="range">Not empty.</param>
    /// <param name="protection">The new protection; null to leave each VMA its own.</param>
    /// <param name="key">The new key; the default leaves each VMA its own.</param>
    private Errno ChangePieces(AddressRange range, Protection? protection, KeyAssignment key)
    {
        VirtualAddress at = range.Start;
        while (at.Value < range.End.Value)
        {
            if (Find(at) is not { } vma)
            {
                return Errno.ENOMEM;
            }

            if (protection is { } wanted && (wanted & ~vma.Attributes.MaxProtection) != 0)
            {
                return Errno.EACCES;
            }

            AddressRange part = new(at, new(Math.Min(vma.End.Value, range.End.Value)));
            VmaAttributes attributes = vma.Attributes.WithProtection(protection ?? vma.Protection);
            Errno errno = key.IsAssigned
                ? ChangeKeyOfPiece(vma, part, attributes.WithKeyId(key.KeyId), key.Data)
                : ChangeProtectionOfPiece(vma, part, attributes);
            if (errno != Errno.None)
            {
                return errno;
            }

            at = part.End;
        }

        return Errno.None;
    }

    private Errno ChangeProtectionOfPiece(Vma vma, AddressRange part, VmaAttributes attributes)
    {
        if (attributes == vma.Attributes)
        {
            return Errno.None;
        }

        attributes = _options.Fault == VmaFault.ProtectDropsKeyId ? attributes.WithKeyId(default) : attributes;
        Errno errno = Plan(vma, part, attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Machine.ChangeProtection(part, vma.Protection, attributes.Protection);
        if (errno != Errno.None)
        {
            ForgetPlan();
            return errno;
        }

        Splice();
        Counters.ProtectionChanges++;
        return Errno.None;
    }

    /// <summary>A KeyID to give to VMAs, or none.</summary>
    private readonly struct KeyAssignment(KeyId keyId, KeyChangeData data)
    {
        internal bool IsAssigned { get; } = true;

        internal KeyId KeyId { get; } = keyId;

        internal KeyChangeData Data { get; } = data;
    }
}
