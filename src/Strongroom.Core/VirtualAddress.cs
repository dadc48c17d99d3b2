using System;

namespace Strongroom.Core;

/// <summary>An address in some process's address space; any alignment.</summary>
public readonly struct VirtualAddress : IEquatable<VirtualAddress>
{
    /// <summary>Makes an address from its number.</summary>
    public VirtualAddress(ulong value)
    {
        Value = value;
    }

    /// <summary>Gets the address as a number of bytes from zero.</summary>
    public ulong Value { get; }

    /// <summary>Gets the page that holds this address.</summary>
    public PageNumber Page => new(Value >> PageNumber.Shift);

    /// <summary>Tells whether two addresses are equal.</summary>
    public static bool operator ==(VirtualAddress left, VirtualAddress right) => left.Value == right.Value;

    /// <summary>Tells whether two addresses differ.</summary>
    public static bool operator !=(VirtualAddress left, VirtualAddress right) => left.Value != right.Value;

    /// <inheritdoc/>
    public bool Equals(VirtualAddress other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is VirtualAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
