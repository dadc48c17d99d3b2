using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.FailStop;

/// <summary>
/// Whatever happens to the pager, the program never reads a wrong byte, nothing outlives it, nothing hangs; and what a
/// user or a service manager does to end a program reaches the program.
/// </summary>
[Collection(HeavyTests.Name)]
public class FailStopTests
{
    private static readonly RunOptions s_tiny = new() { Window = "1M", Idle = "20ms" };

    [Fact]
    public void Killing_the_pager_at_any_moment_ends_the_tree_without_a_wrong_byte()
    {
        Requirements.Pager();
        Random random = new((int)(Workplace.Seed % int.MaxValue));
        TestContext.Current.TestOutputHelper?.WriteLine($"STRONGROOM_SEED={Workplace.Seed}");
        int times = Workplace.Long ? 200 : 20;
        for (int i = 0; i < times; i++)
        {
            KillOnce(TimeSpan.FromMilliseconds(random.Next(0, 900)), i);
        }
    }

    [Fact]
    public void Killing_the_pager_while_a_program_starts_ends_the_program_too()
    {
        Requirements.Pager();
        Random random = new((int)(Workplace.Seed % int.MaxValue));
        for (int i = 0; i < 8; i++)
        {
            using Supervised run = Supervised.Start(
                s_tiny.Wrap(new Launch(CProgram.Target("load").Executable), ReportIn(out string directory)));
            int pager = run.WaitForRoot();
            Thread.Sleep(random.Next(20, 250));
            ProcessTable.Signal(pager, ProcessTable.Sigkill);
            AssertTreeEnded(run.Wait(), i);
            Directory.Delete(directory, recursive: true);
        }
    }

    // What is at work for a caller that is gone outlasts the tree by a moment, and must not meet what was let go of at its end.
    [Fact]
    public void A_program_that_ends_amid_its_calls_ends_as_without()
    {
        Requirements.Pager();
        Launch program = new(CProgram.Target("end_waiting").Executable);
        int times = Workplace.Long ? 400 : 40;
        for (int i = 0; i < times; i++)
        {
            Outcome outcome = Supervised.Run(s_tiny.Wrap(program, ReportIn(out string directory)));
            Assert.True(outcome.ExitStatus == 0 && outcome.OutputText == "ended\n", $"Time {i}: {outcome}");
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(ProcessTable.Sigterm, "INT 0 TERM 1 HUP 0")]
    [InlineData(ProcessTable.Sigint, "INT 1 TERM 0 HUP 0")]
    [InlineData(1, "INT 0 TERM 0 HUP 1")]
    public void A_signal_to_the_command_reaches_the_program_once(int signal, string expected)
    {
        Requirements.Pager();
        using Supervised run = Supervised.Start(
            s_tiny.Wrap(new Launch(CProgram.Target("polite").Executable), ReportIn(out string directory)));
        _ = run.WaitForOutput("ready");
        ProcessTable.Signal(run.WaitForRoot(), signal);
        Outcome outcome = run.Wait();
        Assert.False(outcome.TimedOut, outcome.ToString());
        Assert.Contains(expected, outcome.OutputText, StringComparison.Ordinal);
        Assert.Contains("memory is right at the end", outcome.OutputText, StringComparison.Ordinal);
        Assert.True(outcome.ExitStatus == 17, outcome.ToString());
        Assert.True(File.Exists(Path.Combine(directory, "report.json")), "An orderly end writes its report.");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Death_by_a_passed_signal_is_the_death_that_the_caller_sees()
    {
        Requirements.Pager();
        using Supervised run = Supervised.Start(
            s_tiny.Wrap(new Launch("sh", "-c", "echo ready; exec sleep 30"), ReportIn(out string directory)));
        _ = run.WaitForOutput("ready");
        ProcessTable.Signal(run.WaitForRoot(), ProcessTable.Sigterm);
        Outcome outcome = run.Wait();
        Assert.True(outcome.ExitStatus == 128 + ProcessTable.Sigterm && !outcome.TimedOut, outcome.ToString());
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("\u0003", "INT 1 TERM 0 HUP 0 QUIT 0")]
    [InlineData("\u001c", "INT 0 TERM 0 HUP 0 QUIT 1")]
    public void A_key_on_a_terminal_reaches_the_program_once(string key, string expected)
    {
        Launch polite = new(CProgram.Target("polite").Executable);
        Outcome native = Supervised.Run(OnTerminal(polite, key));
        Assert.True(native.OutputText.Contains(expected, StringComparison.Ordinal), native.ToString());
        Assert.Equal(17, native.ExitStatus);
        Requirements.Pager();
        Outcome guarded = Supervised.Run(OnTerminal(s_tiny.Wrap(polite, ReportIn(out string directory)), key));
        Assert.False(guarded.TimedOut, guarded.ToString());
        Assert.True(guarded.OutputText.Contains(expected, StringComparison.Ordinal), guarded.ToString());
        Assert.True(guarded.ExitStatus == 17, guarded.ToString());
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void A_pager_without_room_for_descriptors_says_so_or_works()
    {
        Requirements.Pager();
        Launch wrapped = s_tiny.Wrap(new Launch(CProgram.Get("fork_parent_writes").Executable), ReportIn(out string directory));
        Launch limited = wrapped with
        {
            FileName = "sh",
            Arguments = ["-c", "ulimit -n 40; exec \"$0\" \"$@\"", wrapped.FileName, .. wrapped.Arguments],
        };
        Outcome outcome = Supervised.Run(limited);
        Assert.False(outcome.TimedOut, outcome.ToString());
        Assert.Empty(outcome.Survivors);
        bool works = outcome.ExitStatus == 0 && outcome.OutputText == "children saw the moment of their fork\n";
        bool saysSo = outcome.ExitStatus != 0 && outcome.Error.Contains("descriptor", StringComparison.Ordinal);
        Assert.True(works || saysSo, outcome.ToString());
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void A_pager_without_memory_ends_the_tree_without_a_wrong_byte_and_says_so()
    {
        Requirements.Pager();
        Requirements.Tools("prlimit");
        int said = 0;
        for (int i = 0; i < 6; i++)
        {
            using Supervised run = Supervised.Start(
                s_tiny.Wrap(new Launch(CProgram.Target("load").Executable), ReportIn(out string directory)));
            int pager = run.WaitForRoot();
            _ = run.WaitForOutput("ready");
            long limit = ProcessTable.DataBytes(pager) + (i << 20);
            Outcome limited = Supervised.Run(new Launch("prlimit", "--pid", $"{pager}", $"--data={limit}"));
            Assert.True(limited.ExitStatus == 0, limited.ToString());
            Outcome outcome = run.Wait();

            // The .NET runtime may find out first: it aborts, or dies of SIGSEGV when a stack cannot grow.
            AssertTreeEnded(outcome, i, 128 + ProcessTable.Sigkill, 128 + 6, 128 + 11);
            said += outcome.Error.Contains("the pager cannot go on, and the program was killed", StringComparison.Ordinal) ? 1 : 0;
            Directory.Delete(directory, recursive: true);
        }

        Assert.True(said > 0, "Not once did the pager say why it ended.");
    }

    private static void KillOnce(TimeSpan after, int index)
    {
        using Supervised run = Supervised.Start(
            s_tiny.Wrap(new Launch(CProgram.Target("load").Executable), ReportIn(out string directory)));
        int pager = run.WaitForRoot();
        _ = run.WaitForOutput("ready");
        Thread.Sleep(after);
        IReadOnlyList<int> tree = ProcessTable.Descendants(run.SupervisorId);
        Assert.True(tree.Count > 1, "The load was not running when the pager was to be killed.");
        ProcessTable.Signal(pager, ProcessTable.Sigkill);
        AssertTreeEnded(run.Wait(), index);
        Directory.Delete(directory, recursive: true);
    }

    private static void AssertTreeEnded(Outcome outcome, int index, params int[] statuses)
    {
        int[] expected = statuses.Length > 0 ? statuses : [128 + ProcessTable.Sigkill];
        Assert.False(outcome.TimedOut, $"Run {index} hangs.\n{outcome}");
        Assert.True(expected.Contains(outcome.ExitStatus), $"Run {index}: the pager was not killed.\n{outcome}");
        Assert.True(outcome.Survivors.Count == 0, $"Run {index}: processes outlived the pager by a second.\n{outcome}");
        Assert.False(
            outcome.OutputText.Contains("WRONG", StringComparison.Ordinal),
            $"Run {index}: the program read a wrong byte.\n{outcome}");
    }

    private static Launch OnTerminal(Launch launch, string keys) => launch with
    {
        FileName = CProgram.Target("terminal").Executable,
        Arguments = [launch.FileName, .. launch.Arguments],
        Input = Encoding.ASCII.GetBytes(keys),
    };

    private static string ReportIn(out string directory)
    {
        directory = Workplace.NewRunDirectory("failstop");
        return Path.Combine(directory, "report.json");
    }
}
