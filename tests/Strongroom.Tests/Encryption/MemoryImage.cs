using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Tests.Encryption;

/// <summary>A mapping of a process, as /proc/PID/maps shows it.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Name">File or kernel's name; empty for anonymous memory.</param>
internal sealed record MappedRange(ulong Start, ulong End, string Name);

/// <summary>
/// Reads another process as an attacker with root does. It looks only at pages that /proc/PID/pagemap says are present,
/// so that looking itself opens nothing. Written apart from the product's own scanner, to check that one too.
/// </summary>
internal static class MemoryImage
{
    private const int PageBytes = 4096;
    private const ulong Present = 1UL << 63;

    /// <summary>The mappings of a process.</summary>
    public static List<MappedRange> Ranges(int pid)
    {
        List<MappedRange> ranges = [];
        foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
        {
            string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            string[] ends = words[0].Split('-');
            ranges.Add(new MappedRange(
                ulong.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                ulong.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                words.Length > 5 ? words[5].Trim() : string.Empty));
        }

        return ranges;
    }

    /// <summary>
    /// Hands every run of present pages to a visitor, in pieces of at most 16 MiB that overlap by one page with their
    /// successor where the run goes on, so that nothing that crosses a border is missed. Returns the bytes read.
    /// </summary>
    public static long Visit(int pid, PieceVisitor visitor)
    {
        using SafeFileHandle memory = File.OpenHandle($"/proc/{pid}/mem");
        using SafeFileHandle pagemap = File.OpenHandle($"/proc/{pid}/pagemap");
        byte[] buffer = new byte[16 << 20];
        long total = 0;
        foreach (MappedRange range in Ranges(pid))
        {
            if (range.Name is "[vsyscall]" or "[vvar]" or "[vvar_vclock]")
            {
                continue;
            }

            foreach ((ulong start, ulong end) in PresentRuns(pagemap, range))
            {
                total += VisitRun(memory, start, end, range, buffer, visitor);
            }
        }

        return total;
    }

    private static long VisitRun(
        SafeFileHandle memory, ulong start, ulong end, MappedRange range, byte[] buffer, PieceVisitor visitor)
    {
        long total = 0;
        for (ulong at = start; at < end;)
        {
            int wanted = (int)Math.Min((ulong)buffer.Length, end - at);
            int got = ReadUpTo(memory, buffer.AsSpan(0, wanted), at);
            if (got == 0)
            {
                at += PageBytes;    // Gone since, or secret memory, which nobody can read (memfd_secret(2)).
                continue;
            }

            visitor(range, at, buffer.AsSpan(0, got));
            total += got;
            ulong next = at + (ulong)got;
            at = next < end && got > PageBytes ? next - PageBytes : next;
        }

        return total;
    }

    private static int ReadUpTo(SafeFileHandle memory, Span<byte> buffer, ulong address)
    {
        try
        {
            return RandomAccess.Read(memory, buffer, (long)address);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static IEnumerable<(ulong Start, ulong End)> PresentRuns(SafeFileHandle pagemap, MappedRange range)
    {
        const int Batch = 1 << 16;
        byte[] raw = new byte[Batch * sizeof(ulong)];
        ulong runStart = 0;
        ulong runEnd = 0;
        for (ulong page = range.Start / PageBytes; page < range.End / PageBytes; page += Batch)
        {
            int count = (int)Math.Min(Batch, (range.End / PageBytes) - page);
            int got = RandomAccess.Read(pagemap, raw.AsSpan(0, count * sizeof(ulong)), (long)page * sizeof(ulong));
            for (int i = 0; i < got / sizeof(ulong); i++)
            {
                if ((MemoryMarshal.Read<ulong>(raw.AsSpan(i * sizeof(ulong))) & Present) == 0)
                {
                    continue;
                }

                ulong address = (page + (ulong)i) * PageBytes;
                if (address != runEnd)
                {
                    if (runEnd > runStart)
                    {
                        yield return (runStart, runEnd);
                    }

                    runStart = address;
                }

                runEnd = address + PageBytes;
            }
        }

        if (runEnd > runStart)
        {
            yield return (runStart, runEnd);
        }
    }
}

/// <summary>Receives a piece of memory. It must not be kept.</summary>
internal delegate void PieceVisitor(MappedRange range, ulong address, ReadOnlySpan<byte> piece);
