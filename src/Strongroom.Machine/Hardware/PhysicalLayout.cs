using System;
using Strongroom.Core;

namespace Strongroom.Machine.Hardware;

/// <summary>Where the KeyID sits in a physical address and in a page-table entry.</summary>
/// <remarks>
/// <code>
/// physical address on the bus     51        46 45                                  12 11        0
///   (52 bits, 6 KeyID bits)      |   KeyID    |             frame                    |  offset   |
/// page-table entry         63|62:59|58:52|51:46|45:12|11:9|8|7|6|5|4|3|2|1|0
///                          NX pkey  soft  KeyID frame soft G S D A C W U W P
/// </code>
/// The KeyID takes the uppermost implemented address bits, so software sees a narrower physical address. Source: Intel
/// MKTME specification; Linux RFC "x86/mm: Introduce variables to store number, shift and mask of KeyIDs". Thread
/// safety: immutable.
/// </remarks>
public sealed class PhysicalLayout
{
    /// <summary>Lays out physical addresses.</summary>
    /// <param name="physicalAddressBits">Width before reduction, 36 to 52.</param>
    /// <param name="keyIdBits">KeyID bits activated in TME_ACTIVATE, 0 to 16.</param>
    /// <param name="maxKeys">MK_TME_MAX_KEYS: an upper bound of usable KeyIDs beside 0.</param>
    public PhysicalLayout(int physicalAddressBits, int keyIdBits, int maxKeys)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(physicalAddressBits, 52);
        ArgumentOutOfRangeException.ThrowIfLessThan(physicalAddressBits, 36);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keyIdBits, 16);
        ArgumentOutOfRangeException.ThrowIfNegative(keyIdBits);
        PhysicalAddressBits = physicalAddressBits;
        KeyIdBits = keyIdBits;
        KeyIdShift = physicalAddressBits - keyIdBits;
        KeyIdCount = keyIdBits == 0 ? 0 : Math.Min(maxKeys, (1 << keyIdBits) - 1);
        KeyIdMask = ((1ul << physicalAddressBits) - 1) & ~((1ul << KeyIdShift) - 1);
        PhysicalMask = (1ul << KeyIdShift) - 1;
        FrameMask = PhysicalMask & ~0xffful;
    }

    /// <summary>Gets the width of a physical address on the bus, KeyID included.</summary>
    public int PhysicalAddressBits { get; }

    /// <summary>Gets the number of KeyID bits.</summary>
    public int KeyIdBits { get; }

    /// <summary>Gets the position of the lowest KeyID bit (mktme_keyid_shift).</summary>
    public int KeyIdShift { get; }

    /// <summary>Gets the number of KeyIDs, KeyID 0 not counted (mktme_nr_keyids).</summary>
    public int KeyIdCount { get; }

    /// <summary>Gets the KeyID bits (mktme_keyid_mask); zero without KeyIDs.</summary>
    public ulong KeyIdMask { get; }

    /// <summary>Gets the address bits that software may use (physical_mask).</summary>
    public ulong PhysicalMask { get; }

    /// <summary>Gets the frame bits of a page-table entry.</summary>
    public ulong FrameMask { get; }

    /// <summary>Joins an address and a KeyID into the address that goes over the bus.</summary>
    public ulong WithKeyId(ulong address, KeyId keyId) => (address & ~KeyIdMask) | ((ulong)keyId.Value << KeyIdShift);

    /// <summary>Takes the KeyID out of a bus address or a page-table entry.</summary>
    public KeyId KeyIdOf(ulong addressOrPte) => new((ushort)((addressOrPte & KeyIdMask) >> KeyIdShift));

    /// <summary>Strips the KeyID from a bus address.</summary>
    public ulong Strip(ulong address) => address & ~KeyIdMask;
}
