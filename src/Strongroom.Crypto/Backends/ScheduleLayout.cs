using System;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>Where the round keys of one XTS key lie in its slot.</summary>
/// <remarks>
/// <code>
///   byte 0                16 * RoundKeys        32 * RoundKeys        48 * RoundKeys
///   | data, encryption    | data, decryption    | tweak, encryption   |
/// </code>
/// The data key is the first half of the key material (Key1), the tweak key the second (Key2): IEEE 1619-2007, 5.1.
/// Decryption keys are those of the equivalent inverse cipher (FIPS 197, 5.3.5), last round first.
/// </remarks>
internal readonly struct ScheduleLayout
{
    private ScheduleLayout(int keyBytes, int roundKeys)
    {
        KeyBytes = keyBytes;
        RoundKeys = roundKeys;
    }

    /// <summary>Gets the bytes of one AES key: half of the key material.</summary>
    internal int KeyBytes { get; }

    /// <summary>Gets the number of round keys, one more than the rounds.</summary>
    internal int RoundKeys { get; }

    /// <summary>Gets the number of rounds.</summary>
    internal int Rounds => RoundKeys - 1;

    /// <summary>Gets the offset of the decryption keys in bytes.</summary>
    internal int DecryptionOffset => 16 * RoundKeys;

    /// <summary>Gets the offset of the tweak keys in bytes.</summary>
    internal int TweakOffset => 32 * RoundKeys;

    /// <summary>Gets the size of a slot in bytes: the schedule, rounded up to a cache line.</summary>
    internal int SlotBytes => ((48 * RoundKeys) + 63) & ~63;

    /// <summary>Gets the layout of an algorithm's keys.</summary>
    internal static ScheduleLayout Of(MemoryAlgorithm algorithm) => algorithm switch
    {
        MemoryAlgorithm.AesXts128 => new ScheduleLayout(16, 11),
        MemoryAlgorithm.AesXts256 => new ScheduleLayout(32, 15),
        _ => throw new ArgumentOutOfRangeException(
            nameof(algorithm), algorithm, "The algorithm is not a memory key's."),
    };
}
