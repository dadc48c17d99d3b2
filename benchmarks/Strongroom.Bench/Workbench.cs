using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Strongroom.Pager;

namespace Strongroom.Bench;

/// <summary>What one run of a command brought.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Report">The report of the run under Strongroom; null without it.</param>
internal sealed record CommandRun(double Seconds, string Output, RunReport? Report);

/// <summary>Medians of a command without and with Strongroom.</summary>
/// <param name="BareSeconds">Median wall time without.</param>
/// <param name="SealedSeconds">Median wall time with.</param>
/// <param name="Ratio">Median of the ratios of the pairs.</param>
/// <param name="Report">The report of the last run with.</param>
internal sealed record PairedRuns(double BareSeconds, double SealedSeconds, double Ratio, RunReport Report);

/// <summary>Runs commands, with and without Strongroom, in a directory of the build's artifacts.</summary>
internal static class Workbench
{
    private const int MemoryMebibytes = 1536;

    private static readonly string s_root = Environment.GetEnvironmentVariable("STRONGROOM_ROOT")
        ?? throw new InvalidOperationException("Start this through ./bench, which sets STRONGROOM_ROOT.");

    /// <summary>Gets the directory for sources, inputs and compiled programs; kept between runs.</summary>
    internal static string Directory { get; } =
        System.IO.Directory.CreateDirectory(Path.Combine(s_root, "artifacts", "bench-work")).FullName;

    /// <summary>Gets a path in <see cref="Directory"/>.</summary>
    internal static string At(string name) => Path.Combine(Directory, name);

    /// <summary>Compiles one of the C programs beside the benchmarks.</summary>
    /// <param name="name">The file's name without its extension.</param>
    /// <returns>The path of the program.</returns>
    internal static string CompileC(string name)
    {
        string source = Path.Combine(s_root, "benchmarks", "Strongroom.Bench", "Programs", name + ".c");
        string program = At(name);
        if (!File.Exists(program) || File.GetLastWriteTimeUtc(program) < File.GetLastWriteTimeUtc(source))
        {
            _ = RunOnce(["gcc", "-O2", "-Wall", "-pthread", "-o", program, source]);
        }

        return program;
    }

    /// <summary>Fails with a reason unless a program is installed.</summary>
    internal static void Need(string program)
    {
        IEnumerable<string> directories = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':');
        if (!directories.Any(directory => File.Exists(Path.Combine(directory, program))))
        {
            throw new BenchmarkSkippedException($"{program} is not installed");
        }
    }

    /// <summary>Runs a command as it is, on memory that the host has backed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    internal static CommandRun Run(IReadOnlyList<string> command)
    {
        BackMemory();
        return RunOnce(command);
    }

    /// <summary>
    /// Touches memory and gives it back. A virtual machine's host backs a page when it is first touched, which can take longer than all that
    /// is measured here, and takes back what lies free for some seconds.
    /// </summary>
    internal static void BackMemory(int mebibytes = MemoryMebibytes) =>
        _ = RunOnce([CompileC("touch_and_sleep"), mebibytes.ToString(CultureInfo.InvariantCulture), "0"]);

    private static CommandRun RunOnce(IReadOnlyList<string> command)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            WorkingDirectory = Directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        long began = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        return process.ExitCode == 0
            ? new(seconds, output, null)
            : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}: {error.Result}");
    }

    /// <summary>Runs a command under Strongroom.</summary>
    /// <param name="options">Options of <c>strongroom run</c>.</param>
    /// <param name="command">The command.</param>
    /// <param name="prefix">What starts Strongroom in turn, as <c>taskset 1</c>; null for nothing.</param>
    internal static CommandRun RunSealed(
        IReadOnlyList<string> options, IReadOnlyList<string> command, IReadOnlyList<string>? prefix = null)
    {
        string report = NewReport();
        CommandRun run = Run([.. prefix ?? [], .. Strongroom(report, options), .. command]);
        return run with { Report = ReadReport(report) };
    }

    /// <summary>Gets where a run is to write its report; there is none yet.</summary>
    internal static string NewReport()
    {
        string report = At("report.json");
        File.Delete(report);
        return report;
    }

    /// <summary>Reads the report of a run that has ended.</summary>
    internal static RunReport ReadReport(string report)
    {
        using FileStream stream = File.OpenRead(report);
        return RunReportWriter.Read(stream);
    }

    /// <summary>Gets what starts a command under Strongroom, as which it goes on.</summary>
    internal static string[] Strongroom(string report, IReadOnlyList<string> options) =>
        [Path.Combine(s_root, "strongroom"), "run", "--quiet", "--report", report, .. options, "--"];

    /// <summary>Runs a command without and with Strongroom in turn, after one unmeasured run of each.</summary>
    /// <param name="options">Options of <c>strongroom run</c>.</param>
    /// <param name="command">The command.</param>
    /// <param name="pairs">How many pairs.</param>
    /// <param name="prepare">What to do before each run, outside the measured time; null for nothing.</param>
    internal static PairedRuns Pair(
        IReadOnlyList<string> options, IReadOnlyList<string> command, int pairs, Action? prepare = null)
    {
        double[] bare = new double[pairs];
        double[] under = new double[pairs];
        RunReport? report = null;
        for (int i = -1; i < pairs; i++)
        {
            // The order alternates too, so that a steady drift of the machine favours neither.
            for (int turn = 0; turn < 2; turn++)
            {
                prepare?.Invoke();
                bool isSealed = (turn == 0) == (i % 2 == 0);
                CommandRun run = isSealed ? RunSealed(options, command) : Run(command);
                report = run.Report ?? report;
                if (i >= 0)
                {
                    (isSealed ? under : bare)[i] = run.Seconds;
                }
            }
        }

        return new(Median(bare), Median(under), Median([.. under.Zip(bare, (u, b) => u / b)]), report!);
    }

    /// <summary>Gets the median.</summary>
    internal static double Median(IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
