using System;
using System.IO;
using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>Runs a program natively and under Strongroom and compares what an observer sees.</summary>
internal static class Both
{
    /// <summary>
    /// Runs both sides; the same output and exit status are demanded, and that the pager really had work.
    /// </summary>
    public static RunReport Compare(Launch program, RunOptions options, Expectation expectation)
    {
        Outcome native = Supervised.Run(program);
        AssertNative(native, expectation);
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("report");
        try
        {
            string reportFile = Path.Combine(directory, "report.json");
            Outcome guarded = Supervised.Run(options.Wrap(program, reportFile));
            AssertSame(native, guarded, expectation);
            RunReport report = RunReport.Read(reportFile, guarded);
            Assert.True(report.Number("faultAllocatedBytes") == 0, $"Answering faults allocated memory: {report}\n{guarded}");
            if (expectation.MustSeal)
            {
                Assert.True(report.SealedPages > 0, $"Nothing was sealed, so nothing was shown: {report}\n{guarded}");
                Assert.True(report.Faults > 0, $"Nothing was opened, so nothing was shown: {report}\n{guarded}");
            }

            Assert.Contains(expectation.Remark, report.Field("remarks").GetRawText(), StringComparison.Ordinal);

            return report;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void AssertNative(Outcome native, Expectation expectation)
    {
        Assert.False(native.TimedOut, $"The program hangs without Strongroom.\n{native}");
        Assert.True(native.ExitStatus == expectation.ExitStatus, $"The program is wrong without Strongroom.\n{native}");
    }

    private static void AssertSame(Outcome native, Outcome guarded, Expectation expectation)
    {
        Assert.False(guarded.TimedOut, $"Hangs under Strongroom.\n{guarded}");
        Assert.True(
            guarded.ExitStatus == native.ExitStatus,
            $"Exit status {native.ExitStatus} became {guarded.ExitStatus}.\n{guarded}");
        Assert.True(
            !expectation.SameOutput || guarded.Output.AsSpan().SequenceEqual(native.Output),
            $"The output differs. Without:\n{native}\nWith:\n{guarded}");
        Assert.True(guarded.Survivors.Count == 0, $"Processes were left behind.\n{guarded}");
        Assert.True(guarded.Unkillable.Count == 0, $"Processes cannot be killed.\n{guarded}");
    }
}

/// <summary>What a comparison demands.</summary>
internal sealed record Expectation
{
    /// <summary>The exit status on both sides; 128 plus the number of a signal for a death by signal.</summary>
    public int ExitStatus { get; init; }

    /// <summary>Whether standard output must be the same to the byte.</summary>
    public bool SameOutput { get; init; } = true;

    /// <summary>Whether the report must show sealed and opened pages.</summary>
    public bool MustSeal { get; init; } = true;

    /// <summary>What the report's remarks must say, among other things.</summary>
    public string Remark { get; init; } = string.Empty;
}
