using System;

namespace Strongroom.Memory;

/// <summary>What a program may do with memory; the numbers of PROT_READ, PROT_WRITE and PROT_EXEC.</summary>
[Flags]
public enum Protection : byte
{
    /// <summary>Nothing: PROT_NONE.</summary>
    None = 0,

    /// <summary>Read it.</summary>
    Read = 1,

    /// <summary>Write it.</summary>
    Write = 2,

    /// <summary>Run it.</summary>
    Execute = 4,

    /// <summary>Read and write it.</summary>
    ReadWrite = Read | Write,

    /// <summary>All of it.</summary>
    All = Read | Write | Execute,
}

/// <summary>The protection argument of mprotect, as a program passed it: known bits, ways to grow, and bits that mean
/// nothing.</summary>
public readonly struct ProtectionRequest
{
    private const uint SemaphoreBit = 0x8;
    private const uint GrowsDownBit = 0x0100_0000;
    private const uint GrowsUpBit = 0x0200_0000;
    private const uint KnownBits = (uint)Protection.All | SemaphoreBit | GrowsDownBit | GrowsUpBit;

    /// <summary>Takes the argument as it came.</summary>
    /// <param name="bits">PROT_ bits; any.</param>
    public ProtectionRequest(ulong bits)
    {
        Bits = bits;
    }

    /// <summary>Gets the argument as it came.</summary>
    public ulong Bits { get; }

    /// <summary>Gets the protection.</summary>
    public Protection Protection => (Protection)(Bits & (ulong)Protection.All);

    /// <summary>Gets a value indicating whether the change reaches down to the start of a growing mapping:
    /// PROT_GROWSDOWN.</summary>
    public bool GrowsDown => (Bits & GrowsDownBit) != 0;

    /// <summary>Gets a value indicating whether PROT_GROWSUP was passed, for which no VMA exists here.</summary>
    public bool GrowsUp => (Bits & GrowsUpBit) != 0;

    /// <summary>Gets a value indicating whether all bits mean something. PROT_SEM does, and changes nothing.</summary>
    public bool IsValid => (Bits & ~(ulong)KnownBits) == 0;

    /// <summary>Makes the argument that asks for a protection and nothing else.</summary>
    public static implicit operator ProtectionRequest(Protection protection) => FromProtection(protection);

    /// <summary>Makes the argument that asks for a protection and nothing else.</summary>
    public static ProtectionRequest FromProtection(Protection protection) => new((ulong)protection);
}
