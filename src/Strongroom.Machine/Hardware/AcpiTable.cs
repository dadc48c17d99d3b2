using System;
using System.Buffers.Binary;

namespace Strongroom.Machine.Hardware;

/// <summary>The header that ACPI tables share, and their checksum. Source: ACPI 6.3, section 5.2.6.</summary>
/// <remarks>
/// <code>
/// 0 signature (4), 4 length (4), 8 revision (1), 9 checksum (1), 10 OEM id (6), 16 OEM table id (8),
/// 24 OEM revision (4), 28 creator id (4), 32 creator revision (4)
/// </code>
/// </remarks>
internal static class AcpiTable
{
    /// <summary>The bytes of the header.</summary>
    internal const int HeaderBytes = 36;

    /// <summary>Writes the header of a table whose body is complete; the checksum comes out right.</summary>
    internal static void WriteHeader(Span<byte> table, ReadOnlySpan<byte> signature, byte revision)
    {
        table[..HeaderBytes].Clear();
        signature.CopyTo(table);
        BinaryPrimitives.WriteInt32LittleEndian(table[4..], table.Length);
        table[8] = revision;
        "STRONG"u8.CopyTo(table[10..]);
        "MODELLED"u8.CopyTo(table[16..]);
        BinaryPrimitives.WriteInt32LittleEndian(table[24..], 1);
        "SRNG"u8.CopyTo(table[28..]);
        BinaryPrimitives.WriteInt32LittleEndian(table[32..], 1);
        table[9] = unchecked((byte)-Sum(table));
    }

    /// <summary>Says why bytes are not a table with a signature.</summary>
    /// <returns>Null when they are: long enough, signed, of the length that they say, and their sum is zero.</returns>
    internal static string? FindDefect(ReadOnlySpan<byte> table, ReadOnlySpan<byte> signature) =>
        table.Length < HeaderBytes ? "it is shorter than a header"
        : !table[..4].SequenceEqual(signature) ? "it has another signature"
        : BinaryPrimitives.ReadInt32LittleEndian(table[4..]) != table.Length ? "its length is not what it says"
        : Sum(table) != 0 ? "its checksum is wrong" : null;

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte one in bytes)
        {
            sum = unchecked((byte)(sum + one));
        }

        return sum;
    }
}
