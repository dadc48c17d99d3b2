using System;
using System.IO;
using System.Linq;
using System.Threading;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Conformance;

/// <summary>A pager with nothing to do takes no processor from its program.</summary>
public class RestTests
{
    private const int Runs = 3;

    // The timer by which the tracer is rung for until it answers: once it was left running after the answer, which on one processor comes
    // before the ringing thread goes on.
    [Fact]
    public void No_timer_goes_on_when_the_tracer_has_answered()
    {
        Requirements.Pager();
        Requirements.Tools("taskset");
        for (int i = 0; i < Runs; i++)
        {
            Launch walk = new(CProgram.Target("walk").Executable, "2", "4");
            string[] command = ["1", Workplace.Command, "run", "--quiet", "--window", "4M", "--idle", "50ms", "--", walk.FileName, .. walk.Arguments];
            using Supervised run = Supervised.Start(new Launch("taskset", command));
            int pager = run.WaitForRoot();
            Thread.Sleep(2000);
            Assert.InRange(Wakeups(pager, ".NET Timer"), 0, 300); // a thousand a second otherwise
            Assert.Equal(0, run.Wait().ExitStatus);
        }
    }

    private static long Wakeups(int pid, string thread)
    {
        string? directory = Directory.EnumerateDirectories($"/proc/{pid}/task")
            .FirstOrDefault(task => File.ReadAllText($"{task}/comm").Trim() == thread);
        return directory is null
            ? 0
            : long.Parse(File.ReadLines($"{directory}/status").First(line => line.StartsWith("voluntary_ctxt", StringComparison.Ordinal)).Split('\t')[1],
                System.Globalization.CultureInfo.InvariantCulture);
    }
}
