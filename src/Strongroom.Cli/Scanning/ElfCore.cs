using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Cli.Scanning;

/// <summary>One part of an image.</summary>
/// <param name="Offset">Where it starts in the file, in bytes.</param>
/// <param name="LengthBytes">Its length in the file.</param>
/// <param name="Address">The virtual address of its first byte; the offset again in a raw image.</param>
/// <param name="Kind">The kind of memory, as it is printed.</param>
/// <param name="Name">The file that was mapped there; empty for none.</param>
internal sealed record ImageSegment(long Offset, long LengthBytes, ulong Address, string Kind, string Name);

/// <summary>Reads what an ELF core dump holds; elf(5), core(5).</summary>
/// <remarks>
/// The dump names the files that were mapped (note NT_FILE) and the registers of each thread (NT_PRSTATUS), so files and stacks
/// can be told; which anonymous memory was the heap it does not say. Everything read is checked: a dump is untrusted input.
/// </remarks>
internal static class ElfCore
{
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int MaximumNoteBytes = 64 << 20;
    private const ushort ET_CORE = 4;
    private const ushort PN_XNUM = 0xffff;
    private const uint PT_LOAD = 1;
    private const uint PT_NOTE = 4;
    private const uint NT_PRSTATUS = 1;
    private const uint NT_FILE = 0x46494c45;

    // struct elf_prstatus of x86-64: the registers begin at 112, and rsp is the twentieth of them (linux/elfcore.h, sys/user.h).
    private const int StackPointerOffset = 112 + (19 * 8);

    /// <summary>Reads the parts of a core dump.</summary>
    /// <returns>Its parts in the order of the file, or null when the file is not a 64-bit ELF core dump.</returns>
    /// <exception cref="InvalidDataException">It is one, but broken.</exception>
    internal static List<ImageSegment>? TryRead(SafeFileHandle file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (RandomAccess.Read(file, header, 0) < HeaderBytes || !header.StartsWith("\u007fELF\u0002\u0001"u8)
            || BinaryPrimitives.ReadUInt16LittleEndian(header[16..]) != ET_CORE)
        {
            return null;
        }

        List<ProgramHeader> headers = ReadProgramHeaders(file, header);
        List<MappedFile> mapped = [];
        List<ulong> stackPointers = [];
        foreach (ProgramHeader part in headers)
        {
            if (part.Type == PT_NOTE)
            {
                ReadNotes(ReadNote(file, part), mapped, stackPointers);
            }
        }

        List<ImageSegment> segments = [];
        foreach (ProgramHeader part in headers)
        {
            if (part.FileBytes > 0 && part.Type is PT_LOAD or PT_NOTE)
            {
                segments.Add(Describe(part, mapped, stackPointers));
            }
        }

        return segments;
    }

    private static ImageSegment Describe(ProgramHeader part, List<MappedFile> mapped, List<ulong> stackPointers)
    {
        if (part.Type == PT_NOTE)
        {
            return new(part.Offset, part.FileBytes, (ulong)part.Offset, "registers and notes", string.Empty);
        }

        foreach (MappedFile file in mapped)
        {
            if (part.Address >= file.Start && part.Address < file.End)
            {
                bool shared = file.Name.StartsWith("/dev/zero", StringComparison.Ordinal)
                    || file.Name.StartsWith("/memfd:", StringComparison.Ordinal)
                    || file.Name.StartsWith("/SYSV", StringComparison.Ordinal)
                    || file.Name.StartsWith("/dev/shm/", StringComparison.Ordinal);
                return new(part.Offset, part.FileBytes, part.Address, shared ? "shared memory" : "file", file.Name);
            }
        }

        ulong end = unchecked(part.Address + (ulong)part.FileBytes);
        foreach (ulong pointer in stackPointers)
        {
            if (pointer >= part.Address && pointer < end)
            {
                return new(part.Offset, part.FileBytes, part.Address, "stack", string.Empty);
            }
        }

        return new(part.Offset, part.FileBytes, part.Address, "anonymous", string.Empty);
    }

    private static List<ProgramHeader> ReadProgramHeaders(SafeFileHandle file, ReadOnlySpan<byte> header)
    {
        long offset = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]);
        uint count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        if (count == PN_XNUM)
        {
            // More mappings than 16 bits hold: the count is in sh_info of the first section header.
            Span<byte> section = stackalloc byte[HeaderBytes];
            ReadExactly(file, section, BinaryPrimitives.ReadInt64LittleEndian(header[40..]));
            count = BinaryPrimitives.ReadUInt32LittleEndian(section[44..]);
        }

        if (size < ProgramHeaderBytes || offset < HeaderBytes)
        {
            throw new InvalidDataException("The core dump's program headers are not of the documented form.");
        }

        List<ProgramHeader> headers = [];
        Span<byte> entry = stackalloc byte[ProgramHeaderBytes];
        for (uint i = 0; i < count; i++)
        {
            ReadExactly(file, entry, offset + ((long)i * size));
            ProgramHeader parsed = new(
                BinaryPrimitives.ReadUInt32LittleEndian(entry),
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[32..]));
            if (parsed.Offset < 0 || parsed.FileBytes < 0 || parsed.Offset > long.MaxValue - parsed.FileBytes)
            {
                throw new InvalidDataException($"Program header {i} of the core dump names bytes beyond any file.");
            }

            headers.Add(parsed);
        }

        return headers;
    }

    private static byte[] ReadNote(SafeFileHandle file, ProgramHeader part)
    {
        if (part.FileBytes > MaximumNoteBytes)
        {
            throw new InvalidDataException($"A note of the core dump is {part.FileBytes} bytes long; the limit is {MaximumNoteBytes}.");
        }

        byte[] note = new byte[part.FileBytes];
        ReadExactly(file, note, part.Offset);
        return note;
    }

    // Each note: u32 name length, u32 contents length, u32 type, name and contents each padded to 4 bytes.
    private static void ReadNotes(ReadOnlySpan<byte> notes, List<MappedFile> mapped, List<ulong> stackPointers)
    {
        while (notes.Length >= 12)
        {
            long nameBytes = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            long contentBytes = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            long content = 12 + ((nameBytes + 3) & ~3L);
            long next = content + ((contentBytes + 3) & ~3L);
            if (content + contentBytes > notes.Length)
            {
                throw new InvalidDataException("A note of the core dump is longer than its segment.");
            }

            ReadOnlySpan<byte> body = notes.Slice((int)content, (int)contentBytes);
            if (type == NT_FILE)
            {
                ReadFiles(body, mapped);
            }
            else if (type == NT_PRSTATUS && body.Length >= StackPointerOffset + 8)
            {
                stackPointers.Add(BinaryPrimitives.ReadUInt64LittleEndian(body[StackPointerOffset..]));
            }

            notes = notes[(int)Math.Min(next, notes.Length)..];
        }
    }

    // u64 count, u64 page size; then start, end, offset for each; then the names, each ending in a NUL.
    private static void ReadFiles(ReadOnlySpan<byte> body, List<MappedFile> mapped)
    {
        if (body.Length < 16)
        {
            return;
        }

        ulong count = BinaryPrimitives.ReadUInt64LittleEndian(body);
        if (count > (ulong)(body.Length - 16) / 24)
        {
            throw new InvalidDataException($"The core dump claims {count} mapped files, more than its note can hold.");
        }

        ReadOnlySpan<byte> names = body[(16 + ((int)count * 24))..];
        for (int i = 0; i < (int)count; i++)
        {
            int end = names.IndexOf((byte)0);
            end = end < 0 ? names.Length : end;
            ReadOnlySpan<byte> entry = body.Slice(16 + (i * 24), 24);
            mapped.Add(new(
                BinaryPrimitives.ReadUInt64LittleEndian(entry),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                Encoding.UTF8.GetString(names[..end])));
            names = names[Math.Min(end + 1, names.Length)..];
        }
    }

    private static void ReadExactly(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            int n = offset < 0 ? 0 : RandomAccess.Read(file, buffer[done..], offset + done);
            if (n == 0)
            {
                throw new InvalidDataException("The core dump ends too early: it was cut off.");
            }

            done += n;
        }
    }

    private readonly record struct ProgramHeader(uint Type, long Offset, ulong Address, long FileBytes);

    private readonly record struct MappedFile(ulong Start, ulong End, string Name);
}
