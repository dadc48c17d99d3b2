using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using System.Threading;
using Strongroom.Kernel;

namespace Strongroom.Secrets;

/// <summary>Equal slots of secret memory, many a page, for small secrets of one kind.</summary>
/// <remarks>
/// Regions grow from 16 KiB, each twice the one before up to 256 KiB, and are never unmapped: a reader that races with
/// <see cref="Free"/> reads zeros or another secret's bytes, which its owner must notice, but never faults.
/// Thread safety: any thread. Blocks: on a short lock. Allocates: a region now and then.
/// </remarks>
internal sealed class SecretSlotPool
{
    private const int SmallestRegionBytes = 16 * 1024;
    private const int LargestRegionBytes = 256 * 1024;

    private readonly Lock _lock = new();
    private readonly List<SecretRegion> _regions = []; // guarded by _lock
    private readonly Stack<nint> _free = new();        // guarded by _lock; every slot in it is all zeros
    private readonly int _slotBytes;                   // immutable

    /// <summary>Makes an empty pool.</summary>
    /// <param name="slotBytes">Size of a slot in bytes; a multiple of 64, at most 4096.</param>
    internal SecretSlotPool(int slotBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(slotBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slotBytes, 4096);
        ArgumentOutOfRangeException.ThrowIfNotEqual(slotBytes % 64, 0, nameof(slotBytes));
        _slotBytes = slotBytes;
    }

    /// <summary>Takes a slot of zeros.</summary>
    /// <param name="protection">The protection that holds for the slot.</param>
    /// <returns>The slot's address, 64-byte aligned.</returns>
    /// <exception cref="KernelException">No more secret memory: RLIMIT_MEMLOCK, see the errno.</exception>
    internal nint Allocate(out SecretProtection protection)
    {
        lock (_lock)
        {
            if (_free.Count == 0)
            {
                GrowLocked();
            }

            nint slot = _free.Pop();
            protection = FindRegionLocked(slot).Protection;
            return slot;
        }
    }

    /// <summary>Wipes a slot and gives it back.</summary>
    /// <param name="slot">What <see cref="Allocate"/> returned; not freed before.</param>
    internal unsafe void Free(nint slot)
    {
        // SAFETY: the caller owns the slot, and regions are never unmapped.
        CryptographicOperations.ZeroMemory(new Span<byte>((void*)slot, _slotBytes));
        lock (_lock)
        {
            _free.Push(slot);
        }
    }

    private void GrowLocked()
    {
        int wanted = Math.Min(SmallestRegionBytes << Math.Min(_regions.Count, 8), LargestRegionBytes);
        SecretRegion region = SecretRegion.Map((nuint)wanted);
        _regions.Add(region);
        for (int slot = (wanted / _slotBytes) - 1; slot >= 0; slot--)
        {
            _free.Push(region.Address + (slot * _slotBytes)); // the lowest is given out first
        }
    }

    private SecretRegion FindRegionLocked(nint slot)
    {
        // A few dozen regions hold tens of thousands of slots; newest first, for that is where fresh slots come from.
        for (int i = _regions.Count - 1; i >= 0; i--)
        {
            if (slot >= _regions[i].Address && slot < _regions[i].Address + (nint)_regions[i].LengthBytes)
            {
                return _regions[i];
            }
        }

        throw new ArgumentException("The slot does not belong to this pool.", nameof(slot));
    }
}
