using System;
using System.Collections.Generic;
using System.Text;
using Strongroom.Core;
using Strongroom.Pager;

namespace Strongroom.Cli;

/// <summary>A report in a few lines for people.</summary>
internal static class RunSummary
{
    private const double LeastShareOfFull = 0.2;

    /// <summary>Writes the lines, each with the command's name in front.</summary>
    internal static string Of(RunReport report)
    {
        StringBuilder text = new();
        string keys = report.Keys.Count == 1 ? "1 key" : $"{report.Keys.Count} keys";
        string processes = report.Processes == 1 ? "1 process" : $"{report.Processes} processes";
        AppendLine(
            text,
            $"{processes} under {keys} ({report.Options.Algorithm}) for {report.WallSeconds:0.0} s; "
            + $"{report.SealedPages} pages sealed, {report.OpenedPages} opened");
        AppendLine(
            text,
            $"in clear: {report.TimeInClear * 100:0.0} % of its memory over time, "
            + $"at most {Quantity.FormatSize(report.PeakClearBytes)} of a window of {Quantity.FormatSize(report.Options.WindowBytes)}");
        if (report.Faults > 0)
        {
            LatencyReport latency = report.FaultLatencyMicroseconds;
            AppendLine(
                text,
                $"{report.Faults} faults, p50 {latency.P50:0.0} µs, p99 {latency.P99:0.0} µs; "
                + $"pager {report.PagerCpuSeconds:0.0} s of processor time");
        }

        AppendFullWindow(text, report);
        AppendUncovered(text, report.ClearBytesByReason);
        foreach (string remark in report.Remarks)
        {
            AppendLine(text, remark);
        }

        return text.ToString();
    }

    /// <summary>Writes what must be said even to those who want no summary: which processes the pager ended.</summary>
    internal static string OfKilled(RunReport report)
    {
        StringBuilder text = new();
        foreach (string sentence in report.Killed)
        {
            AppendLine(text, sentence);
        }

        return text.ToString();
    }

    // A program that needs more at once than the window holds can take a hundred times as long: who waited for it should know what to do.
    private static void AppendFullWindow(StringBuilder text, RunReport report)
    {
        double share = report.WindowFullSeconds / Math.Max(report.WallSeconds, 1);
        if (share < LeastShareOfFull || report.OpenedPages << PageNumber.Shift < report.Options.WindowBytes)
        {
            return;
        }

        long mebibytes = (report.PeakPrivateBytes >> 20) + 1;
        AppendLine(
            text,
            $"the window was full for {share * 100:0} % of the time, and pages sealed for that were wanted again: this slows the program down. "
            + $"All that it had at once is {mebibytes} MiB; a --window of up to {mebibytes}M makes it faster");
    }

    private static void AppendUncovered(StringBuilder text, IReadOnlyDictionary<string, long> clearBytesByReason)
    {
        List<string> parts = [];
        foreach ((string reason, long bytes) in clearBytesByReason)
        {
            if (bytes > 0)
            {
                parts.Add($"{reason} {Quantity.FormatSize(bytes)}");
            }
        }

        if (parts.Count > 0)
        {
            AppendLine(text, $"not covered: {string.Join(", ", parts)}");
        }
    }

    private static void AppendLine(StringBuilder text, string line) =>
        text.Append("strongroom: ").Append(line).Append('\n');
}
