using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Hostile;

/// <summary>
/// Programs that attack what the pager keeps in them. They may die or be slow; the pager ends orderly, and a tree
/// beside them, with a pager of its own, keeps its bytes and its share of the machine.
/// </summary>
[Collection(HeavyTests.Name)]
public class HostileTests
{
    private static readonly RunOptions s_tiny = new() { Window = "1M", Idle = "20ms" };

    [Theory]
    [InlineData("hostile_scribble")]
    [InlineData("hostile_scribble", "unmap")]
    [InlineData("hostile_kill")]
    [InlineData("hostile_pipe")]
    public void An_attack_harms_nobody_but_the_attacker(string attacker, params string[] arguments)
    {
        Requirements.Pager();
        Requirements.Root();
        string directory = Workplace.NewRunDirectory("hostile");
        using Supervised neighbour = StartNeighbour(directory, milliseconds: 2500);
        _ = neighbour.WaitForOutput("ready");
        Launch launch = new(CProgram.Target(attacker).Executable, arguments);
        string reportFile = Path.Combine(directory, "attacker.json");
        Outcome attack = Supervised.Run(s_tiny.Wrap(launch, reportFile));
        AssertOrderly(attack);
        Assert.True(File.Exists(reportFile), $"The attacked pager wrote no report.\n{attack}");
        Assert.NotEqual(43, attack.ExitStatus);     // Nothing to attack was there, so nothing was shown.
        _ = PagesOf(neighbour.Wait());
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("hostile_scribble")]
    [InlineData("hostile_scribble", "unmap")]
    [InlineData("hostile_pipe")]
    public void An_attack_harms_no_other_process_of_its_tree(string attacker, params string[] arguments)
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("siblings");
        Launch launch = new(
            CProgram.Target("siblings").Executable,
            [CProgram.Target(attacker).Executable, .. arguments]);
        Outcome outcome = Supervised.Run(s_tiny.Wrap(launch, Path.Combine(directory, "report.json")));
        AssertOrderly(outcome);
        Assert.True(
            outcome.ExitStatus == 0 && outcome.OutputText == "the victim is whole\n",
            $"The victim was harmed.\n{outcome}");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void A_flood_of_faults_leaves_others_their_share()
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("flood");
        using Supervised alone = StartNeighbour(directory, milliseconds: 1500);
        long before = PagesOf(alone.Wait());
        Launch flood = new(CProgram.Target("hostile_flood").Executable);
        using Supervised flooding = Supervised.Start(s_tiny.Wrap(flood, Path.Combine(directory, "flood.json")));
        _ = flooding.WaitForOutput("ready");
        using Supervised beside = StartNeighbour(directory, milliseconds: 1500);
        long during = PagesOf(beside.Wait());
        flooding.Kill();
        _ = flooding.Wait();

        // Six threads and another pager compete for the same processors; an order of magnitude is more than their share.
        Assert.True(during * 10 >= before, $"The neighbour got through {during} pages beside a flood, {before} alone.");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Thousands_of_forks_are_followed_to_the_last()
    {
        string forks = Workplace.Long ? "50000" : "2000";
        Launch launch = new(CProgram.Target("hostile_forks").Executable)
        {
            LimitSeconds = Workplace.Long ? 1800 : 90,
            Environment = new Dictionary<string, string> { ["TARGET_FORKS"] = forks },
        };
        RunReport report = Both.Compare(launch, s_tiny, new Expectation());
        Assert.True(report.Number("processes") >= long.Parse(forks, CultureInfo.InvariantCulture), report.ToString());
    }

    [Fact]
    public void Several_runs_side_by_side_are_all_right()
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("side");
        string[] names = ["sweep", "fork_cow", "threads", "madvise_dontneed"];
        List<Supervised> runs =
        [
            .. names.Select(name => Supervised.Start(s_tiny.Wrap(
                new Launch(CProgram.Get(name).Executable), Path.Combine(directory, name + ".json")))),
        ];
        foreach (Outcome outcome in runs.Select(run => run.Wait()))
        {
            AssertOrderly(outcome);
            Assert.True(outcome.ExitStatus == 0, outcome.ToString());
        }

        runs.ForEach(run => run.Dispose());
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void One_inside_another_is_refused_in_a_sentence_or_works()
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("nested");
        Launch inner = s_tiny.Wrap(
            new Launch(CProgram.Get("end_status").Executable), Path.Combine(directory, "inner.json"));
        Outcome outcome = Supervised.Run(s_tiny.Wrap(inner, Path.Combine(directory, "outer.json")));
        AssertOrderly(outcome);
        bool works = outcome.ExitStatus == 42 && outcome.OutputText == "the end comes\n";
        bool refuses = outcome.ExitStatus is 125 or 126
            && outcome.Error.Contains("strongroom", StringComparison.Ordinal)
            && outcome.Error.Trim().Split('\n').Length <= 3;
        Assert.True(works || refuses, $"Neither refused in a clear sentence nor working.\n{outcome}");
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Environment_and_arguments_arrive_unchanged()
    {
        Launch launch = new("sh", "-c", "env | grep -v -e '^_=' -e ^PWD= -e ^TARGET_SETTLE_MS= | sort; printf '<%s>' \"$@\"", "x", "", "a b", "--", "-n", "*")
        {
            Environment = new Dictionary<string, string>
            {
                ["DOTNET_gcServer"] = "1",
                ["LD_SOMETHING"] = "x y",
                ["STRONGROOM_SOMETHING"] = "the user's own",
                ["EMPTY"] = string.Empty,
            },
        };
        _ = Both.Compare(launch, s_tiny, new Expectation { MustSeal = false });
    }

    private static Supervised StartNeighbour(string directory, int milliseconds) => Supervised.Start(s_tiny.Wrap(
        new Launch(CProgram.Target("neighbour").Executable, milliseconds.ToString(CultureInfo.InvariantCulture)),
        Path.Combine(directory, $"neighbour-{Guid.NewGuid():N}.json")));

    private static long PagesOf(Outcome neighbour)
    {
        AssertOrderly(neighbour);
        Assert.True(neighbour.ExitStatus == 0, $"The neighbour was harmed.\n{neighbour}");
        string line = neighbour.OutputText.Split('\n').Single(l => l.StartsWith("pages ", StringComparison.Ordinal));
        return long.Parse(line["pages ".Length..], CultureInfo.InvariantCulture);
    }

    private static void AssertOrderly(Outcome outcome)
    {
        Assert.False(outcome.TimedOut, $"Hangs.\n{outcome}");
        Assert.True(outcome.Survivors.Count == 0, $"Processes were left behind.\n{outcome}");
        Assert.DoesNotContain("Unhandled exception", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Strongroom.", outcome.Error, StringComparison.Ordinal);
    }
}
