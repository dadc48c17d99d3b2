using System;
using System.Collections.Generic;
using System.Globalization;
using Strongroom.Pager;

namespace Strongroom.Bench;

/// <summary>Sealing much cold memory: the pager's processor time for each page.</summary>
/// <remarks>STRONGROOM_COLD_MIB sets how much; 1024 MiB unless set, 8192 for the figure in the specification.</remarks>
internal sealed class ColdBenchmark : IBenchmark
{
    private const int PagesPerMebibyte = 256;
    private const int PageBytes = 4096;
    private const int AgainMebibytes = 48; // less than the memory that is kept for new ciphertext

    /// <inheritdoc/>
    public string Name => "cold";

    /// <inheritdoc/>
    public string Summary => "sealing cold memory in batches";

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        int mebibytes = int.Parse(Environment.GetEnvironmentVariable("STRONGROOM_COLD_MIB") ?? "1024", CultureInfo.InvariantCulture);
        string program = Workbench.CompileC("touch_and_sleep");
        string seconds = Math.Max(4, mebibytes / 256).ToString(CultureInfo.InvariantCulture);
        string size = mebibytes.ToString(CultureInfo.InvariantCulture);
        CommandRun idle = Workbench.RunSealed(["--window", "8M", "--idle", "100ms"], [program, "1", seconds]);
        Workbench.BackMemory(mebibytes * 5 / 2); // plaintext, then ciphertext
        CommandRun run = Workbench.RunSealed(["--window", "8M", "--idle", "100ms"], [program, size, seconds]);
        double pages = run.Report!.SealedPages;
        double microseconds = (run.Report.PagerCpuSeconds - idle.Report!.PagerCpuSeconds) / pages * 1e6;
        yield return new(
            $"cold {size} MiB, pager's time a page sealed", microseconds, "µs", Target: "value <= 1.5", Met: microseconds <= 1.5);
        foreach (BenchmarkRow part in Parts($"cold {size} MiB", run.Report))
        {
            yield return part;
        }

        double sealedPages = run.Report.PeakSealedBytes / (double)PageBytes;
        yield return new($"cold {size} MiB, metadata, a page", run.Report.PeakMetadataBytes / sealedPages, "bytes");
        yield return new($"cold {size} MiB, sealed", pages / (mebibytes * PagesPerMebibyte) * 100, "%");
        yield return new($"cold {size} MiB, time in clear", run.Report.TimeInClear * 100, "%");
        foreach (BenchmarkRow row in Again(program))
        {
            yield return row;
        }
    }

    // Memory that is used and gets cold in turn: from the second time on its ciphertext goes where it was before.
    private static IEnumerable<BenchmarkRow> Again(string program)
    {
        const int Times = 20;
        Workbench.BackMemory(AgainMebibytes * 4);
        CommandRun run = Workbench.RunSealed(["--window", "8M", "--idle", "100ms"], [program, $"{AgainMebibytes}", "1", $"{Times}"]);
        if (run.Report!.SealedPages < AgainMebibytes * PagesPerMebibyte * (Times - 1))
        {
            throw new InvalidOperationException($"Only {run.Report.SealedPages} pages got cold: the machine is too busy to measure.");
        }

        return Parts($"{AgainMebibytes} MiB cold {Times} times", run.Report);
    }

    private static IEnumerable<BenchmarkRow> Parts(string name, RunReport report)
    {
        SealingReport seconds = report.SealingSeconds;
        (string Part, double Seconds)[] parts =
            [("move", seconds.Move), ("read", seconds.Read), ("encrypt", seconds.Encrypt), ("wipe and drop", seconds.Drop)];
        foreach ((string part, double taken) in parts)
        {
            yield return new($"{name}, {part}, a page", taken / report.SealedPages * 1e6, "µs");
        }
    }
}
