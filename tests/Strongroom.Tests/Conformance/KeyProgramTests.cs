using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Conformance;

/// <summary>The programs of the KeyPrograms folder make the system calls of the patch series under Strongroom, one group of behaviours
/// each; and what is said of the calls beside them.</summary>
public class KeyProgramTests
{
    private static readonly ConcurrentDictionary<string, Lazy<(Outcome Outcome, bool IsSealed)>> s_runs = [];

    public static TheoryData<string> Programs => new(CProgram.AllNames("KeyPrograms"));

    /// <summary>A program and what it calls one behaviour.</summary>
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string name in CProgram.AllNames("KeyPrograms"))
            {
                foreach (string behaviour in KeyCases.Of(name))
                {
                    cases.Add(name, behaviour);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Calls_do_what_the_series_says(string name)
    {
        (Outcome outcome, bool isSealed) = RunOnce(name);
        Assert.True(outcome is { ExitStatus: 0, TimedOut: false }, outcome.ToString());
        Assert.True(outcome.Survivors.Count == 0, $"Processes were left behind.\n{outcome}");
        Assert.True(isSealed, "Nothing was sealed.");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_case_passes(string program, string behaviour)
    {
        (Outcome outcome, _) = RunOnce(program);
        string[] passed = [.. System.Text.Encoding.UTF8.GetString(outcome.Output).Split('\n')];
        Assert.True(passed.Contains($"passed {behaviour}"), outcome.ToString());
    }

    // Each program runs once, whichever test is the first to need it.
    private static (Outcome Outcome, bool IsSealed) RunOnce(string name)
    {
        Requirements.Root();
        Requirements.Pager();
        return s_runs.GetOrAdd(name, static name => new(() => RunProgram(name))).Value;
    }

    // ./test --long: millions of calls, minutes of stress.
    private static Dictionary<string, string> Amounts()
    {
        Dictionary<string, string> amounts = new()
        {
            ["FUZZ_SEED"] = (Workplace.Seed % int.MaxValue).ToString(CultureInfo.InvariantCulture),
        };
        if (Workplace.Long)
        {
            amounts["FUZZ_CALLS"] = "2000000";
            amounts["STRESS_SECONDS"] = "300";
        }

        return amounts;
    }

    private static (Outcome Outcome, bool IsSealed) RunProgram(string name)
    {
        CProgram program = CProgram.OfKeys(name);
        string[] options = program.Settings.Text("options", string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries);
        string directory = Workplace.NewRunDirectory("keys");
        try
        {
            string reportFile = Path.Combine(directory, "report.json");
            Launch launch = new(program.Executable) { Environment = Amounts(), LimitSeconds = Workplace.Long ? 1200 : 60 };
            Outcome outcome = Supervised.Run(new RunOptions { Window = "1M", Idle = "40ms", More = options }.Wrap(launch, reportFile));
            bool isSealed = program.Settings.Has("unsealed") || RunReport.Read(reportFile, outcome).SealedPages > 0;
            return (outcome, isSealed);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void The_unmodified_keyctl_program_works()
    {
        Requirements.Root();
        Requirements.Pager();
        Requirements.Tools("keyctl");
        const string Script = """
            set -e
            k=$(keyctl add mktme k "type=cpu algorithm=aes-xts-128" @s)
            keyctl rdescribe $k | grep -x 'mktme;0;0;3d010000;k'
            keyctl show | grep "mktme: k"
            keyctl list @s | grep "mktme: k"
            [ $(keyctl search @s mktme k) = $k ]
            [ $(keyctl request mktme k) = $k ]
            ! keyctl read $k
            ! keyctl add mktme bad "type=nonsense" @s
            keyctl update $k "type=no-encrypt"
            u=$(keyctl add user u text @s)
            [ $(keyctl print $u) = text ]
            keyctl revoke $k
            keyctl describe $k 2>&1 | grep revoked
            i=$(keyctl add mktme i "type=no-encrypt" @s)
            keyctl invalidate $i
            ! keyctl describe $i
            echo all of it
            """;
        Outcome outcome = Supervised.Run(
            new(Workplace.Command, "run", "--quiet", "--", Requirements.FindTool("keyctl")!, "session", "-", "sh", "-c", Script));
        Assert.True(outcome.ExitStatus == 0, outcome.ToString());
        Assert.Contains("all of it", System.Text.Encoding.UTF8.GetString(outcome.Output), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_calls_programs_hear_ENOSYS_and_nothing_stands_before_them()
    {
        Requirements.Pager();
        CProgram example = CProgram.Example("encrypt_mprotect");
        foreach (Launch launch in (Launch[])[new(example.Executable), new(Python(), Example("encrypt_mprotect.py"))])
        {
            Outcome native = Supervised.Run(launch);
            Outcome off = Supervised.Run(launch with
            {
                FileName = Workplace.Command,
                Arguments = ["run", "--quiet", "--keys", "off", "--", launch.FileName, .. launch.Arguments],
            });
            foreach (Outcome outcome in (Outcome[])[native, off])
            {
                Assert.True(outcome.ExitStatus == 0, outcome.ToString());
                Assert.Contains("not there", System.Text.Encoding.UTF8.GetString(outcome.Output), StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void The_examples_show_what_the_series_documentation_shows()
    {
        Requirements.Root();
        Requirements.Pager();
        CProgram example = CProgram.Example("encrypt_mprotect");
        foreach (Launch launch in (Launch[])[new(example.Executable), new(Python(), Example("encrypt_mprotect.py"))])
        {
            Outcome outcome = Supervised.Run(launch with
            {
                FileName = Workplace.Command,
                Arguments = ["run", "--quiet", "--", launch.FileName, .. launch.Arguments],
            });
            Assert.True(outcome.ExitStatus == 0, outcome.ToString());
            Assert.Contains("encrypted", System.Text.Encoding.UTF8.GetString(outcome.Output), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Keys_and_maps_of_a_running_program_are_listed()
    {
        Requirements.Root();
        Requirements.Pager();
        Launch user = new(CProgram.Target("key_user").Executable);
        string line = $"sleep 20 | {Workplace.Command} run -q --window 1M --idle 40ms -- {user.FileName}";
        using Supervised run = Supervised.Start(new("sh", "-c", line));
        string output = run.WaitForOutput("area ");
        ulong area = ulong.Parse(output.Split("area ")[1].Split('\n')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        int pid = ProcessTable.Descendants(run.SupervisorId).First(each => NameOf(each) == "key_user");
        string process = pid.ToString(CultureInfo.InvariantCulture);

        Outcome keys = Supervised.Run(new(Workplace.Command, "keys", "--pid", process));
        string[] rows = keys.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(keys.ExitStatus == 0 && rows.Length == 3, keys.ToString());
        Assert.Matches(@"^1 +cpu +aes-xts-128 +assigned +1 +2 +\d+ +1\.5 MiB .* one$", rows[1]);
        Assert.Matches(@"^2 +user +aes-xts-128 +assigned +1 +1 +\d+ +512 KiB .* two$", rows[2]);

        Outcome maps = Supervised.Run(new(Workplace.Command, "maps", "--pid", process));
        string[] lines = maps.OutputText.Split('\n');
        foreach ((ulong offset, int keyId) in (ReadOnlySpan<(ulong, int)>)[(0, 1), (0x80000, 2), (0x100000, 1), (0x200000, 0)])
        {
            int at = Array.FindIndex(lines, each => each.StartsWith($"{area + offset:x}-", StringComparison.Ordinal));
            Assert.True(at >= 0 && lines[at + 1].Split(':')[1].Trim() == $"{keyId}", $"At {offset:x}: {maps}");
        }

        run.Kill();
        _ = run.Wait();
    }

    [Fact]
    public void What_mremap_adds_has_its_mappings_key_and_what_mprotect_splits_counts_for_each_piece()
    {
        Requirements.Root();
        Requirements.Pager();
        Launch program = new(CProgram.Target("key_pieces").Executable);
        string line = $"for i in 1 2 3 4 5; do sleep 4; echo; done | "
            + $"TARGET_SETTLE_MS=500 {Workplace.Command} run -q --window 1M --idle 40ms -- {program.FileName}";
        using Supervised run = Supervised.Start(new("sh", "-c", line));
        foreach ((string step, string wanted) in (ReadOnlySpan<(string, string)>)[
            ("keyed", @" 1 +\d+ +1 MiB"), ("longer", @" 1 +\d+ +2 MiB"), ("moved", @" 1 +\d+ +4 MiB"), ("split", @" 8 +\d+ +4 MiB"),
            ("joined", @" 1 +\d+ +4 MiB")])
        {
            // The pager looks at the VMAs from time to time; the next step is taken 4 s after the last.
            _ = run.WaitForOutput(step);
            long since = Stopwatch.GetTimestamp();
            int pid = ProcessTable.Descendants(run.SupervisorId).First(each => NameOf(each) == "key_pieces");
            Regex row = new($@"1 +cpu +aes-xts-128 +assigned +1 +{wanted}");
            Outcome keys;
            do
            {
                Thread.Sleep(700);
                keys = Supervised.Run(new(Workplace.Command, "keys", "--pid", pid.ToString(CultureInfo.InvariantCulture)));
            }
            while (!row.IsMatch(keys.OutputText) && Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(2.5));
            Assert.True(row.IsMatch(keys.OutputText), $"{step}: {keys}");
            if (step == "moved")
            {
                // (4 MiB is 1024 pages. What is in the window of 1 MiB at that moment is not counted.)
                int pages = int.Parse(keys.OutputText.Split('\n')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[6], CultureInfo.InvariantCulture);
                Assert.InRange(pages, 600, 1024);
            }
        }

        Outcome outcome = run.Wait();
        Assert.True(outcome.ExitStatus == 0, outcome.ToString());
    }

    [Fact]
    public void A_pager_that_is_killed_while_it_answers_takes_its_programs_along()
    {
        Requirements.Root();
        Requirements.Pager();
        Random random = new((int)(Workplace.Seed % int.MaxValue));
        TestContext.Current.TestOutputHelper?.WriteLine($"STRONGROOM_SEED={Workplace.Seed}");
        for (int i = 0; i < 6; i++)
        {
            string directory = Workplace.NewRunDirectory("keys");
            Launch user = new(CProgram.Target("key_user").Executable, "for ever");
            using Supervised run = Supervised.Start(
                new RunOptions { Window = "1M", Idle = "20ms" }.Wrap(user, Path.Combine(directory, "report.json")));
            int pager = run.WaitForRoot();
            _ = run.WaitForOutput("area ");
            Thread.Sleep(random.Next(0, 200));
            ProcessTable.Signal(pager, ProcessTable.Sigkill);
            Outcome outcome = run.Wait();
            Assert.True(outcome is { TimedOut: false, ExitStatus: 137 }, outcome.ToString());
            Assert.True(outcome.Survivors.Count == 0 && outcome.Unkillable.Count == 0, outcome.ToString());
            Directory.Delete(directory, recursive: true);
        }

        // The carriers were in keyrings of the programs themselves, which end with them; the kernel collects a moment later.
        Thread.Sleep(1000);
        string[] left = [.. File.ReadLines("/proc/keys").Where(line => line.Contains("mktme:one", StringComparison.Ordinal)
            && line.Contains("perm", StringComparison.Ordinal))];
        Assert.True(left.Length == 0, string.Join('\n', left));
    }

    private static string NameOf(int pid) => File.Exists($"/proc/{pid}/comm") ? File.ReadAllText($"/proc/{pid}/comm").Trim() : "";

    private static string Example(string name) => Path.Combine(Workplace.Root, "examples", name);

    private static string Python()
    {
        Requirements.Tools("python3");
        return Requirements.FindTool("python3")!;
    }
}
