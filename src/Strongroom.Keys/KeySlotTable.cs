using System;
using System.Diagnostics;
using System.Numerics;
using System.Threading;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>The KeyID slots: which are free, and what holds the others. See <see cref="KeySlotState"/> for the life of
/// a slot.</summary>
/// <remarks>
/// <para>
/// References are counted in one word per slot, so that "the last one is gone" is a single atomic fact that exactly one
/// thread sees, whatever kinds of references are dropped at the same moment:
/// </para>
/// <code>
///   bit  62 61                    38 37                      0
///       | key | VMAs (24 bits)      | 4 KiB pages (38 bits)   |      a slot with the word 0 is not held
/// </code>
/// <para>24 bits are 16.7 million VMAs, 256 full address spaces; 38 bits of pages are 1 PiB, more than x86-64
/// addresses.</para>
/// <para>Thread safety: references may be added and dropped from any thread without a lock. Allocates nothing.</para>
/// </remarks>
public sealed partial class KeySlotTable
{
    /// <summary>Fewest KeyID bits: one slot.</summary>
    public const int MinKeyIdBits = 1;

    /// <summary>Most KeyID bits of the architecture: 65535 slots.</summary>
    public const int MaxKeyIdBits = 16;

    // Slots are numbered from 1; index 0 is KeyID 0, which is nobody's and is never counted.
    private readonly long[] _words;                   // atomic
    private readonly ulong[] _free;                   // bit set = available; guarded by _freeLock
    private readonly Lock _freeLock = new();
    private readonly Action<KeyId> _released;         // immutable
    private int _firstFreeWord;                       // no free bit lies below this word; guarded by _freeLock
    private int _availableCount;                      // guarded by _freeLock

    /// <summary>Makes a table whose slots are all available.</summary>
    /// <param name="keyIdBits">1 to 16; the table has 2^bits - 1 slots, for KeyID 0 is not one.</param>
    /// <param name="released">
    /// Called once for each slot whose last reference is dropped, on the thread that dropped it, which may hold any
    /// lock.
    /// </param>
    internal KeySlotTable(int keyIdBits, Action<KeyId> released)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyIdBits, MinKeyIdBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keyIdBits, MaxKeyIdBits);
        KeyIdBits = keyIdBits;
        SlotCount = (1 << keyIdBits) - 1;
        _released = released;
        _words = new long[SlotCount + 1];
        _free = new ulong[(SlotCount / 64) + 1];
        Array.Fill(_free, ulong.MaxValue);
        _free[^1] >>= 63 - (SlotCount % 64);
        _free[0] &= ~1UL;
        _availableCount = SlotCount;
    }

    /// <summary>Gets the number of KeyID bits, 1 to 16.</summary>
    public int KeyIdBits { get; }

    /// <summary>Gets the number of slots: every KeyID but 0.</summary>
    public int SlotCount { get; }

    /// <summary>Gets the number of slots that are available now.</summary>
    public int AvailableCount
    {
        get
        {
            lock (_freeLock)
            {
                return _availableCount;
            }
        }
    }

    /// <summary>Gets the state of a slot.</summary>
    /// <param name="keyId">1 to <see cref="SlotCount"/>.</param>
    public KeySlotState GetState(KeyId keyId)
    {
        lock (_freeLock)
        {
            if ((_free[Index(keyId) / 64] & Bit(keyId)) != 0)
            {
                return KeySlotState.Available;
            }
        }

        KeySlotReferences references = GetReferences(keyId);
        return references.IsHeldByKey ? KeySlotState.Assigned
            : references.Total > 0 ? KeySlotState.Killed : KeySlotState.Released;
    }

    /// <summary>Tells whether a slot is in use: not available.</summary>
    /// <param name="number">1 to <see cref="SlotCount"/>.</param>
    internal bool IsInUse(int number)
    {
        lock (_freeLock)
        {
            return (_free[number / 64] >> (number % 64) & 1) == 0;
        }
    }

    /// <summary>Takes the lowest available slot for a new key, which holds its first reference.</summary>
    /// <param name="keyId">The slot.</param>
    /// <returns>False when none is available.</returns>
    internal bool TryReserve(out KeyId keyId)
    {
        keyId = default;
        lock (_freeLock)
        {
            for (int word = _firstFreeWord; word < _free.Length; word++)
            {
                if (_free[word] != 0)
                {
                    int bit = BitOperations.TrailingZeroCount(_free[word]);
                    _free[word] &= ~(1UL << bit);
                    _firstFreeWord = word;
                    _availableCount--;
                    keyId = new((ushort)((word * 64) + bit));
                    break;
                }
            }

            if (keyId.IsPlatform)
            {
                return false;
            }
        }

        if (Interlocked.CompareExchange(ref _words[keyId.Value], KeyUnit, 0) != 0)
        {
            Invariant.Fail($"KeyID {keyId} was available although something held it.");
        }

        return true;
    }

    /// <summary>Makes a released slot available again, after it was cleared.</summary>
    internal void Free(KeyId keyId)
    {
        lock (_freeLock)
        {
            int word = Index(keyId) / 64;
            if ((_free[word] & Bit(keyId)) != 0 || Volatile.Read(ref _words[keyId.Value]) != 0)
            {
                Invariant.Fail($"KeyID {keyId} was freed while it was held or free.");
            }

            _free[word] |= Bit(keyId);
            _firstFreeWord = Math.Min(_firstFreeWord, word);
            _availableCount++;
        }
    }

    private static ulong Bit(KeyId keyId) => 1UL << (keyId.Value % 64);

    private int Index(KeyId keyId)
    {
        Debug.Assert(!keyId.IsPlatform, "KeyID 0 is not a slot.");
        ArgumentOutOfRangeException.ThrowIfGreaterThan((int)keyId.Value, SlotCount, nameof(keyId));
        return keyId.Value;
    }
}
