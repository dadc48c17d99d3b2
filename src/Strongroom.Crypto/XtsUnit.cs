using System;
using System.Runtime.InteropServices;

namespace Strongroom.Crypto;

/// <summary>One data unit of a scattered batch: where it is, where it goes, and its number.</summary>
/// <remarks>
/// Read by machine code, so the layout is fixed:
/// <code>
///   byte 0           8                16               32
///   | source offset  | dest. offset   | number, little-endian, 128 bits |
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public readonly struct XtsUnit
{
    /// <summary>The size of this structure in bytes.</summary>
    internal const int SizeBytes = 32;

    /// <summary>Where the destination offset lies, in bytes.</summary>
    internal const int DestinationOffsetOffset = 8;

    /// <summary>Where the number lies, in bytes.</summary>
    internal const int NumberOffset = 16;

    private readonly long _sourceOffset;
    private readonly long _destinationOffset;
    private readonly ulong _numberLow;
    private readonly ulong _numberHigh;

    /// <summary>Describes a data unit.</summary>
    /// <param name="sourceOffset">Offset of the unit in the batch's source, in bytes; any alignment.</param>
    /// <param name="destinationOffset">Offset of the unit in the batch's destination, in bytes; any alignment.</param>
    /// <param name="number">The data-unit number (the tweak before it is encrypted); unique under one key for each
    /// content.</param>
    public XtsUnit(long sourceOffset, long destinationOffset, UInt128 number)
    {
        _sourceOffset = sourceOffset;
        _destinationOffset = destinationOffset;
        _numberLow = unchecked((ulong)number);
        _numberHigh = (ulong)(number >> 64);
    }

    /// <summary>Gets the offset of the unit in the source, in bytes.</summary>
    public long SourceOffset => _sourceOffset;

    /// <summary>Gets the offset of the unit in the destination, in bytes.</summary>
    public long DestinationOffset => _destinationOffset;

    /// <summary>Gets the data-unit number.</summary>
    public UInt128 Number => new(_numberHigh, _numberLow);
}
