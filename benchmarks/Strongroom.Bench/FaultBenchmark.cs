using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Strongroom.Bench;

/// <summary>One fault that opens one sealed page, as the program feels it, against a handler in C that only copies a page.</summary>
internal sealed class FaultBenchmark : IBenchmark
{
    // So far apart that no page is near one touched before: nothing is brought back but what was asked for.
    private const string Mebibytes = "1024";
    private const string Touches = "1000";
    private const string Rounds = "4";

    private const string SweepMebibytes = "256";
    private const int SweepPages = 256 * 256;
    private const int Pairs = 5;

    /// <inheritdoc/>
    public string Name => "fault";

    /// <inheritdoc/>
    public string Summary => "a fault on one sealed page, against a bare userfaultfd handler in C";

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        string bare = Workbench.CompileC("fault_bare");
        string cold = Workbench.CompileC("fault_sealed");
        Workbench.Need("taskset");
        string[] oneProcessor = ["taskset", "1"];
        return
        [
            .. Quantiles([bare, Mebibytes, Touches, Rounds, "one"], cold, "fault", [], limit: 1.25),
            .. Quantiles([bare, Mebibytes, Touches, Rounds, "one"], cold, "fault on one processor", oneProcessor, limit: 1.25),
            .. Quantiles([bare, Mebibytes, Touches, Rounds, "each"], cold, "the same against a handler with a store", oneProcessor, limit: 0),
            Sweep(bare, cold),
        ];
    }

    // Against a handler that copies one page over and over, which stays in the cache, and against one that has a store of all pages, as any
    // must that brings back what was there. On several processors most of a fault is the waking of a sleeping one, and which handler meets one is the scheduler's choice; on one
    // there is only the work.
    private static IEnumerable<BenchmarkRow> Quantiles(string[] bare, string cold, string name, string[] prefix, double limit)
    {
        List<double[]> bareRuns = [];
        List<double[]> sealedRuns = [];
        for (int i = 0; i < Pairs; i++)
        {
            bareRuns.Add(Microseconds(Workbench.Run([.. prefix, .. bare]).Output));
            string[] command = [cold, Mebibytes, Touches, Rounds, "10"];
            CommandRun run = Workbench.RunSealed(["--window", "8M", "--idle", "100ms"], command, prefix);
            sealedRuns.Add(Microseconds(run.Output));
            RequireOpened(run, int.Parse(Touches, CultureInfo.InvariantCulture) * int.Parse(Rounds, CultureInfo.InvariantCulture));
        }

        yield return Row($"{name}, p50", 0.5, bareRuns, sealedRuns, limit);
        yield return Row($"{name}, p99", 0.99, bareRuns, sealedRuns, limit: 0);
    }

    // A page that was still clear would be a fast touch and no fault at all.
    private static void RequireOpened(CommandRun run, int touches)
    {
        if (run.Report!.OpenedPages < touches * 0.95)
        {
            throw new InvalidOperationException(
                $"Only {run.Report.OpenedPages} of {touches} touched pages had been sealed: the machine is too busy to measure.");
        }
    }

    // Every page in order: what bringing neighbours back saves.
    private static BenchmarkRow Sweep(string bare, string cold)
    {
        string touches = SweepPages.ToString(CultureInfo.InvariantCulture);
        double baseline = Microseconds(Workbench.Run([bare, SweepMebibytes, touches, "1", "one"]).Output).Average();
        string[] options = ["--window", "64M", "--idle", "100ms"];
        CommandRun run = Workbench.RunSealed(options, [cold, SweepMebibytes, touches, "1", "4"]);
        RequireOpened(run, SweepPages);
        double value = Microseconds(run.Output).Average();
        return new("fault, a sweep in order, a page", value, "µs", baseline, value / baseline);
    }

    private static BenchmarkRow Row(string name, double quantile, List<double[]> bareRuns, List<double[]> sealedRuns, double limit)
    {
        double[] bare = [.. bareRuns.Select(run => Quantile(run, quantile))];
        double[] under = [.. sealedRuns.Select(run => Quantile(run, quantile))];
        double ratio = Workbench.Median([.. under.Zip(bare, (u, b) => u / b)]);
        double value = Workbench.Median(under);
        double baseline = Workbench.Median(bare);
        return limit > 0
            ? BenchmarkRow.AtMost(name, value, "µs", baseline, ratio, limit)
            : new(name, value, "µs", baseline, ratio);
    }

    private static double[] Microseconds(string output) =>
    [
        .. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => double.Parse(line, CultureInfo.InvariantCulture) / 1000)
            .Order(),
    ];

    private static double Quantile(double[] sorted, double quantile) => sorted[(int)(quantile * (sorted.Length - 1))];
}
