using System;

namespace Strongroom.Core;

/// <summary>The number of a 4 KiB page of virtual address space: a virtual address without its low 12 bits.</summary>
public readonly struct PageNumber : IEquatable<PageNumber>
{
    /// <summary>log2 of <see cref="SizeBytes"/>.</summary>
    public const int Shift = 12;

    /// <summary>The size of a page in bytes.</summary>
    public const int SizeBytes = 1 << Shift;

    /// <summary>Makes a page number.</summary>
    public PageNumber(ulong value)
    {
        Value = value;
    }

    /// <summary>Gets the number.</summary>
    public ulong Value { get; }

    /// <summary>Gets the first address of the page.</summary>
    public VirtualAddress Address => new(Value << Shift);

    /// <summary>Tells whether two page numbers are equal.</summary>
    public static bool operator ==(PageNumber left, PageNumber right) => left.Value == right.Value;

    /// <summary>Tells whether two page numbers differ.</summary>
    public static bool operator !=(PageNumber left, PageNumber right) => left.Value != right.Value;

    /// <inheritdoc/>
    public bool Equals(PageNumber other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PageNumber other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => $"page 0x{Value:x}";
}
