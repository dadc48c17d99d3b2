using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Strongroom.Machine.Hardware;

/// <summary>What a heterogeneous memory attribute table says about one memory proximity domain.</summary>
/// <param name="Initiator">The processor proximity domain that the memory's controller is attached to, if it has one.</param>
/// <param name="Memory">The memory proximity domain.</param>
internal readonly record struct HmatDomain(uint? Initiator, uint Memory);

/// <summary>Writes and reads HMAT, the ACPI table by which a kernel learns which processors sit at which memory.</summary>
/// <remarks>
/// <para>Source: ACPI 6.3, section 5.2.27; structures of type 0, memory proximity domain attributes:</para>
/// <code>
/// table: header (36), reserved (4), structures
/// structure: 0 type (2), 2 reserved (2), 4 length (4); type 0, 40 bytes: 8 flags (2), 10 reserved (2), 12 initiator's domain (4),
/// 16 memory's domain (4), 20 reserved (20); flag 0: the initiator's domain is valid
/// </code>
/// <para>Structures of type 1 (latency, bandwidth) and 2 (memory-side caches) are skipped. In the model proximity domain N is package N;
/// a kernel would learn that from SRAT.</para>
/// </remarks>
internal static class HmatTable
{
    private const int ReservedBytes = 4;
    private const int DomainBytes = 40;
    private const ushort InitiatorIsValid = 1;

    /// <summary>Writes a table.</summary>
    internal static byte[] Write(IReadOnlyList<HmatDomain> domains)
    {
        byte[] table = new byte[AcpiTable.HeaderBytes + ReservedBytes + (domains.Count * DomainBytes)];
        Span<byte> at = table.AsSpan(AcpiTable.HeaderBytes + ReservedBytes);
        foreach (HmatDomain domain in domains)
        {
            BinaryPrimitives.WriteInt32LittleEndian(at[4..], DomainBytes);
            BinaryPrimitives.WriteUInt16LittleEndian(at[8..], domain.Initiator is null ? (ushort)0 : InitiatorIsValid);
            BinaryPrimitives.WriteUInt32LittleEndian(at[12..], domain.Initiator ?? 0);
            BinaryPrimitives.WriteUInt32LittleEndian(at[16..], domain.Memory);
            at = at[DomainBytes..];
        }

        AcpiTable.WriteHeader(table, "HMAT"u8, revision: 2);
        return table;
    }

    /// <summary>Reads a table.</summary>
    /// <param name="table">The bytes, from firmware and therefore not trusted.</param>
    /// <param name="domains">What it says, in its order.</param>
    /// <returns>Null, or why the table is not usable; then <paramref name="domains"/> is empty.</returns>
    internal static string? TryRead(ReadOnlySpan<byte> table, out IReadOnlyList<HmatDomain> domains)
    {
        List<HmatDomain> found = [];
        domains = found;
        string? defect = AcpiTable.FindDefect(table, "HMAT"u8)
            ?? (table.Length < AcpiTable.HeaderBytes + ReservedBytes ? "it ends in its reserved bytes" : null)
            ?? (table[8] is 1 or 2 ? null : "its revision is unknown");
        for (int at = AcpiTable.HeaderBytes + ReservedBytes; defect is null && at < table.Length;)
        {
            defect = ReadStructure(table[at..], found, out int length);
            at += length;
        }

        domains = defect is null ? found : [];
        return defect;
    }

    private static string? ReadStructure(ReadOnlySpan<byte> rest, List<HmatDomain> found, out int length)
    {
        length = rest.Length < 8 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
        if (length < 8 || length > rest.Length)
        {
            return "a structure is longer than the table or shorter than its own header";
        }

        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(rest);
        if (type > 2 || (type == 0 && length != DomainBytes))
        {
            return "a structure has an unknown type or another length than its type";
        }

        if (type == 0)
        {
            bool isValid = (BinaryPrimitives.ReadUInt16LittleEndian(rest[8..]) & InitiatorIsValid) != 0;
            found.Add(new(isValid ? BinaryPrimitives.ReadUInt32LittleEndian(rest[12..]) : null, BinaryPrimitives.ReadUInt32LittleEndian(rest[16..])));
        }

        return null;
    }
}
