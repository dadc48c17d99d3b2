using System;
using System.Numerics;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>A set of memory encryption algorithms, one bit each, in the order of the hardware.</summary>
/// <remarks>
/// The bit order is that of IA32_TME_CAPABILITY[3:0], IA32_TME_ACTIVATE[63:48] and KEYID_CTRL[23:8] (Intel MKTME
/// specification, May 2019).
/// </remarks>
[Flags]
public enum AlgorithmSet : ushort
{
    /// <summary>No algorithm.</summary>
    None = 0,

    /// <summary>AES-XTS with 128-bit keys.</summary>
    AesXts128 = 1 << 0,

    /// <summary>AES-XTS with 128-bit keys and integrity.</summary>
    AesXts128WithIntegrity = 1 << 1,

    /// <summary>AES-XTS with 256-bit keys.</summary>
    AesXts256 = 1 << 2,

    /// <summary>AES-XTS with 256-bit keys and integrity.</summary>
    AesXts256WithIntegrity = 1 << 3,
}

/// <summary>Questions about a set of algorithms.</summary>
public static class AlgorithmSets
{
    /// <summary>Gets the algorithm with the lowest bit, which commands without an algorithm of their own must still
    /// carry.</summary>
    /// <param name="set">Any set; the empty one has no lowest and gives <see cref="AlgorithmSet.None"/>.</param>
    public static AlgorithmSet Lowest(this AlgorithmSet set) =>
        set == AlgorithmSet.None ? set : (AlgorithmSet)(1 << BitOperations.TrailingZeroCount((ushort)set));

    /// <summary>Tells whether a set holds every algorithm of another.</summary>
    public static bool Includes(this AlgorithmSet set, AlgorithmSet other) => (set & other) == other;

    /// <summary>Gets the algorithm of a set of one for software that encrypts with it.</summary>
    /// <param name="set">Exactly one algorithm, without integrity: software that keeps none cannot pretend to.</param>
    /// <exception cref="ArgumentOutOfRangeException">None, several, or one with integrity.</exception>
    public static MemoryAlgorithm ToMemoryAlgorithm(this AlgorithmSet set) => set switch
    {
        AlgorithmSet.AesXts128 => MemoryAlgorithm.AesXts128,
        AlgorithmSet.AesXts256 => MemoryAlgorithm.AesXts256,
        _ => throw new ArgumentOutOfRangeException(nameof(set), set, "Not one algorithm that software has."),
    };
}
