using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Cli.Scanning;

/// <summary>Searches a core dump or any other image for a pattern.</summary>
internal static class ImageScanner
{
    /// <summary>Searches a file.</summary>
    /// <param name="path">A file, or a device such as /dev/mem.</param>
    /// <param name="counter">The pattern; stays the caller's.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is a broken core dump.</exception>
    internal static ScanResult Scan(string path, PatternCounter counter)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        List<ImageSegment> segments = ElfCore.TryRead(file) ?? [new(0, long.MaxValue, 0, "image", string.Empty)];
        ScanResult result = new();
        ImageSegment? previous = null;
        foreach (ImageSegment segment in segments)
        {
            // A copy may lie across two segments only where they were neighbours in memory too.
            if (previous is null || previous.Address + (ulong)previous.LengthBytes != segment.Address || previous.Kind != segment.Kind)
            {
                counter.Break();
            }

            ScanSegment(file, segment, counter, result);
            previous = segment;
        }

        counter.Break();
        return result;
    }

    private static void ScanSegment(SafeFileHandle file, ImageSegment segment, PatternCounter counter, ScanResult result)
    {
        KindCount kind = result.Of(segment.Kind);
        long done = 0;
        while (done < segment.LengthBytes)
        {
            int wanted = (int)Math.Min(PatternCounter.PieceBytes, segment.LengthBytes - done);
            int n = RandomAccess.Read(file, counter.Room[..wanted], segment.Offset + done);
            if (n == 0)
            {
                // A raw image ends here; a core dump that was cut off (RLIMIT_CORE) has less than it says.
                kind.UnreadableBytes += segment.LengthBytes == long.MaxValue ? 0 : segment.LengthBytes - done;
                return;
            }

            kind.ReadBytes += n;
            int copies = counter.Count(n, out int firstOffset);
            if (copies > 0)
            {
                kind.Copies += copies;
                result.Add(new Finding((ulong)((long)segment.Address + done + firstOffset), segment.Kind, segment.Name));
            }

            done += n;
        }
    }
}
