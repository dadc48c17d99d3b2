using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Strongroom.Bench;

/// <summary>What the filter that reports the proposed calls costs other calls, and what the calls themselves cost.</summary>
internal sealed class KeysBenchmark : IBenchmark
{
    private const int Pairs = 5;

    /// <inheritdoc/>
    public string Name => "keys";

    /// <inheritdoc/>
    public string Summary => "other calls behind the filter, a notification's round trip, add_key, encrypt_mprotect against mprotect";

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        string program = Workbench.CompileC("keys");
        List<Dictionary<string, double>> bare = [];
        List<Dictionary<string, double>> off = [];
        List<Dictionary<string, double>> on = [];
        for (int i = 0; i < Pairs; i++)
        {
            bare.Add(Nanoseconds(Workbench.Run([program])));
            off.Add(Nanoseconds(Workbench.RunSealed(["--keys", "off"], [program])));
            on.Add(Nanoseconds(Workbench.RunSealed([], [program, "series"])));
        }

        foreach (string call in (string[])["getpid", "read", "write", "ioctl", "mmap"])
        {
            yield return Row($"keys, {call} against native", call, on, call, bare);
            yield return Row($"keys, {call} against --keys off", call, on, call, off);
        }

        yield return Row("keys, a reported call that goes on to the kernel", "keyctl", on, "keyctl", bare);
        yield return Row("keys, mmap and munmap of a shared file", "shared", on, "shared", bare);
        yield return new("keys, add_key a second", 1e9 / Median(on, "add_key"), "1/s");
        foreach (string call in on[0].Keys.Where(each => each.StartsWith("encrypt_mprotect ", StringComparison.Ordinal)))
        {
            string size = call[(call.IndexOf(' ', StringComparison.Ordinal) + 1)..];
            yield return Row($"keys, encrypt_mprotect of {size} bytes", call, on, $"mprotect {size}", on);
        }
    }

    private static BenchmarkRow Row(
        string name, string call, List<Dictionary<string, double>> runs, string other, List<Dictionary<string, double>> others) => new(
            name,
            Median(runs, call) / 1000,
            "µs",
            Median(others, other) / 1000,
            Workbench.Median([.. runs.Zip(others, (run, baseline) => run[call] / baseline[other])]));

    private static double Median(List<Dictionary<string, double>> runs, string call) =>
        Workbench.Median([.. runs.Select(run => run[call])]);

    private static Dictionary<string, double> Nanoseconds(CommandRun run)
    {
        Dictionary<string, double> found = [];
        foreach (string line in run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int space = line.LastIndexOf(' ');
            found.Add(line[..space], double.Parse(line[(space + 1)..], CultureInfo.InvariantCulture));
        }

        return found;
    }
}
