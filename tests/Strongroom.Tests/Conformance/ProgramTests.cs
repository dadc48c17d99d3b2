using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Conformance;

/// <summary>
/// Every program of the Programs folder, one behaviour each, is right on the stock kernel and right in the same way
/// when its memory is sealed under a window far smaller than what it holds.
/// </summary>
public class ProgramTests
{
    public static TheoryData<string> Programs => new(CProgram.AllNames());

    [Theory]
    [MemberData(nameof(Programs))]
    public void Runs_as_without(string name)
    {
        CProgram program = CProgram.Get(name);
        Assert.SkipWhen(program.Settings.Has("gap"), "A known gap, described in ARCHITECTURE.md under What is not right yet.");
        if (program.Settings.Has("root"))
        {
            Requirements.Root();
        }

        if (program.Settings.Has("one-processor"))
        {
            Requirements.Tools("taskset");
        }

        string device = program.Settings.Text("device", "/dev/null");
        Assert.SkipUnless(File.Exists(device), $"There is no {device}: load its module.");
        Launch launch = new(program.Executable) { LimitSeconds = program.Settings.Number("timeout", 40) };
        Expectation expectation = new()
        {
            ExitStatus = program.Settings.Number("exit", 0),
            MustSeal = !program.Settings.Has("unsealed"),
            Remark = program.Settings.Text("remark", string.Empty),
        };
        foreach (RunOptions options in Variants(program))
        {
            CompareUntilSealed(launch, options, expectation);
        }
    }

    // A program that ended before anything was sealed has shown nothing: on a busy machine it is given more time.
    private static void CompareUntilSealed(Launch launch, RunOptions options, Expectation expectation)
    {
        foreach (int patience in (int[])[1, 4])
        {
            RunReport report = Both.Compare(
                launch, options with { Patience = patience }, expectation with { MustSeal = false });
            if (report.SealedPages > 0 && report.Faults > 0)
            {
                return;
            }
        }

        _ = Both.Compare(launch, options with { Patience = 16 }, expectation);
    }

    private static IEnumerable<RunOptions> Variants(CProgram program)
    {
        RunOptions usual = new()
        {
            Window = program.Settings.Text("window", "1M"),
            Idle = program.Settings.Text("idle", "40ms"),
            OneProcessor = program.Settings.Has("one-processor"),
        };
        yield return usual;
        if (!Workplace.Long)
        {
            yield break;
        }

        foreach (string window in (string[])["1M", "8M"])
        {
            foreach (int idle in (int[])[5, 20, 200])
            {
                yield return usual with
                {
                    Window = window,
                    Idle = idle.ToString(CultureInfo.InvariantCulture) + "ms",
                    More = idle == 20 ? ["--key-per", "tree", "--algorithm", "aes-xts-128"] : [],
                };
            }
        }
    }
}
