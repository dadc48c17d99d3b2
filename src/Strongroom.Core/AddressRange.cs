using System;

namespace Strongroom.Core;

/// <summary>A half-open range of virtual addresses, <c>[Start, End)</c>.</summary>
/// <remarks>Invariant: <c>Start &lt;= End</c>. The default value is the empty range at zero.</remarks>
public readonly struct AddressRange : IEquatable<AddressRange>
{
    /// <summary>Makes a range from its two ends.</summary>
    /// <param name="start">First address of the range; any alignment.</param>
    /// <param name="end">First address after it; not below <paramref name="start"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The end lies below the start.</exception>
    public AddressRange(VirtualAddress start, VirtualAddress end)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(end.Value, start.Value, nameof(end));
        Start = start;
        End = end;
    }

    /// <summary>Gets the first address in the range.</summary>
    public VirtualAddress Start { get; }

    /// <summary>Gets the first address after the range.</summary>
    public VirtualAddress End { get; }

    /// <summary>Gets the length in bytes.</summary>
    public ulong LengthBytes => End.Value - Start.Value;

    /// <summary>Gets a value indicating whether the range holds no address.</summary>
    public bool IsEmpty => Start == End;

    /// <summary>Tells whether two ranges are equal.</summary>
    public static bool operator ==(AddressRange left, AddressRange right) => left.Equals(right);

    /// <summary>Tells whether two ranges differ.</summary>
    public static bool operator !=(AddressRange left, AddressRange right) => !left.Equals(right);

    /// <summary>Makes the range that starts at an address and spans a length.</summary>
    /// <param name="start">First address.</param>
    /// <param name="lengthBytes">Length in bytes; zero makes an empty range.</param>
    /// <exception cref="OverflowException">The end would lie past the last address.</exception>
    public static AddressRange FromLength(VirtualAddress start, ulong lengthBytes) =>
        new(start, new VirtualAddress(checked(start.Value + lengthBytes)));

    /// <summary>Tells whether an address lies in the range.</summary>
    public bool Contains(VirtualAddress address) => address.Value >= Start.Value && address.Value < End.Value;

    /// <summary>Tells whether two ranges share an address.</summary>
    public bool Overlaps(AddressRange other) => Start.Value < other.End.Value && other.Start.Value < End.Value;

    /// <summary>Gets the addresses that both ranges hold; empty, at this range's start, when there are none.</summary>
    public AddressRange Intersect(AddressRange other)
    {
        ulong start = Math.Max(Start.Value, other.Start.Value);
        ulong end = Math.Min(End.Value, other.End.Value);
        return start < end ? new(new(start), new(end)) : new(Start, Start);
    }

    /// <inheritdoc/>
    public bool Equals(AddressRange other) => Start == other.Start && End == other.End;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AddressRange other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Start, End);

    /// <inheritdoc/>
    public override string ToString() => $"[0x{Start.Value:x}, 0x{End.Value:x})";
}
