using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Strongroom.Core;

namespace Strongroom.Pager.Tracing;

/// <summary>Reads which mappings of a forked child are covered; /proc/PID/smaps, proc_pid_smaps(5).</summary>
internal static class SmapsReader
{
    /// <summary>Lists the mappings of a process that are registered for missing pages ("um") and that fork did not wipe ("wf").</summary>
    /// <param name="pid">A stopped process.</param>
    /// <returns>Ascending ranges; empty when the process is gone.</returns>
    internal static IReadOnlyList<AddressRange> ReadCovered(int pid)
    {
        List<AddressRange> covered = [];
        try
        {
            AddressRange current = default;
            foreach (string line in File.ReadLines($"/proc/{pid}/smaps"))
            {
                if (line.StartsWith("VmFlags:", StringComparison.Ordinal))
                {
                    if (line.Contains(" um", StringComparison.Ordinal) && !line.Contains(" wf", StringComparison.Ordinal))
                    {
                        covered.Add(current);
                    }
                }
                else if (TryParseHeader(line, out AddressRange range))
                {
                    current = range;
                }
            }
        }
        catch (IOException)
        {
            covered.Clear(); // it was killed
        }

        return covered;
    }

    // "7f0000000000-7f0000001000 rw-p ..." against "Rss:   4 kB".
    private static bool TryParseHeader(string line, out AddressRange range)
    {
        int dash = line.IndexOf('-', StringComparison.Ordinal);
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        if (dash > 0 && space > dash
            && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong start)
            && ulong.TryParse(
                line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong end))
        {
            range = new(new(start), new(end));
            return true;
        }

        range = default;
        return false;
    }
}
