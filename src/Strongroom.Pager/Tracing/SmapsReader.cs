using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Reads which mappings of a forked child are covered; /proc/PID/smaps, proc_pid_smaps(5).</summary>
internal static class SmapsReader
{
    private const int PieceBytes = 32 << 10; // more than the longest line: a path, each byte of which may be a newline, printed as four

    /// <summary>Lists the mappings of a process that are registered for missing pages ("um") and that fork did not wipe ("wf").</summary>
    /// <param name="pid">A stopped process.</param>
    /// <returns>Ascending ranges; empty when the process is gone.</returns>
    /// <exception cref="KernelException">No descriptor or no memory. The pager cannot go on: what is not listed counts as unmapped.</exception>
    internal static IReadOnlyList<AddressRange> ReadCovered(int pid)
    {
        List<AddressRange> covered = [];
        using OwnedDescriptor? file = OwnedDescriptor.TryOpen($"/proc/{pid}/smaps", 0, out int errno);
        Span<byte> piece = stackalloc byte[PieceBytes];
        AddressRange current = default;
        long position = 0;
        int kept = 0; // the beginning of a line whose end is in the next piece
        int read;
        while ((read = file?.ReadAt(piece[kept..], position) ?? 0) is > 0 or -Libc.EINTR)
        {
            read = Math.Max(read, 0);
            position += read;
            ReadOnlySpan<byte> text = piece[..(kept + read)];
            int end;
            while ((end = text.IndexOf((byte)'\n')) >= 0)
            {
                Take(text[..end], ref current, covered);
                text = text[(end + 1)..];
            }

            text.CopyTo(piece);
            kept = text.Length;
        }

        errno = read < 0 ? -read : errno;
        return errno == 0 ? covered
            : errno is Libc.ENOENT or Libc.ESRCH ? [] // it was killed
            : throw new KernelException(errno, $"read of /proc/{pid}/smaps");
    }

    // A mapping's first line is that of /proc/PID/maps; its other lines begin with a name in capitals, like "VmFlags: rd wr mr mw me ac sd um".
    private static void Take(ReadOnlySpan<byte> line, ref AddressRange current, List<AddressRange> covered)
    {
        ReadOnlySpan<byte> flags = "VmFlags:"u8;
        if (!char.IsAsciiLetterUpper((char)line[0]))
        {
            current = MapsLine.Parse(line, 0).Range;
        }
        else if (line.StartsWith(flags) && line.IndexOf(" um"u8) >= 0 && line.IndexOf(" wf"u8) < 0)
        {
            covered.Add(current);
        }
    }
}
