using System;
using System.Threading;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Adding, dropping and reading references.</content>
public sealed partial class KeySlotTable
{
    private const int VmaShift = 38;
    private const int KeyShift = 62;
    private const long PageUnit = 1;
    private const long VmaUnit = 1L << VmaShift;
    private const long KeyUnit = 1L << KeyShift;
    private const long PageMask = VmaUnit - 1;
    private const long VmaMask = KeyUnit - VmaUnit;

    /// <summary>Counts one more VMA that carries a KeyID. Nothing happens for KeyID 0.</summary>
    /// <param name="keyId">A slot that the caller already holds through a VMA or a <see cref="KeyHold"/>.</param>
    public void AddVma(KeyId keyId)
    {
        if (!keyId.IsPlatform)
        {
            Add(keyId, VmaUnit);
        }
    }

    /// <summary>Counts one VMA less. Nothing happens for KeyID 0. The last reference of a killed key releases its
    /// slot.</summary>
    public void DropVma(KeyId keyId)
    {
        if (!keyId.IsPlatform)
        {
            Drop(keyId, VmaUnit, VmaMask);
        }
    }

    /// <summary>Counts more 4 KiB pages under a KeyID. Nothing happens for KeyID 0.</summary>
    /// <param name="keyId">A slot that the caller already holds, usually through the VMA of the page.</param>
    /// <param name="pageCount">4 KiB pages, 1 or more; a folio counts each of its pages, so that splitting it changes
    /// nothing.</param>
    public void AddPages(KeyId keyId, long pageCount = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageCount, 1);
        if (!keyId.IsPlatform)
        {
            Add(keyId, pageCount * PageUnit);
        }
    }

    /// <summary>Counts pages less. Nothing happens for KeyID 0. The last reference of a killed key releases its
    /// slot.</summary>
    /// <param name="keyId">The slot.</param>
    /// <param name="pageCount">4 KiB pages, 1 or more.</param>
    public void DropPages(KeyId keyId, long pageCount = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pageCount, 1);
        if (!keyId.IsPlatform)
        {
            Drop(keyId, pageCount * PageUnit, PageMask);
        }
    }

    /// <summary>Gets what holds a slot at this moment.</summary>
    /// <param name="keyId">1 to <see cref="SlotCount"/>.</param>
    public KeySlotReferences GetReferences(KeyId keyId)
    {
        long word = Volatile.Read(ref _words[Index(keyId)]);
        return new((word & KeyUnit) != 0, (int)((word & VmaMask) >> VmaShift), word & PageMask);
    }

    /// <summary>Drops the reference of the key itself: the key is destroyed.</summary>
    internal void DropKey(KeyId keyId) => Drop(keyId, KeyUnit, KeyUnit);

    private void Add(KeyId keyId, long units)
    {
        long after = Interlocked.Add(ref _words[Index(keyId)], units);
        long before = after - units;

        // A slot that nothing holds may be on its way to another key: a reference taken now would be to that key's
        // memory. A field that ran over has become part of its neighbour.
        if (before <= 0 || after <= 0 || (units & PageMask) > PageMask - (before & PageMask)
            || ((units & VmaMask) != 0 && (before & VmaMask) == VmaMask))
        {
            Invariant.Fail($"A reference to KeyID {keyId} was taken that nothing held, or one too many.");
        }
    }

    private void Drop(KeyId keyId, long units, long field)
    {
        long after = Interlocked.Add(ref _words[Index(keyId)], -units);
        long before = after + units;
        if (before <= 0 || (before & field) < units)
        {
            Invariant.Fail($"A reference to KeyID {keyId} was dropped that had not been taken.");
        }

        if (after == 0)
        {
            _released(keyId);
        }
    }
}
