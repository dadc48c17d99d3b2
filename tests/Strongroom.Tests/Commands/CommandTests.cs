using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Strongroom.Pager;
using Xunit;

namespace Strongroom.Tests.Commands;

/// <summary>The command as it is typed, through the launcher.</summary>
public class CommandTests
{
    private readonly record struct Outcome(int ExitStatus, string Output, string Error);

    private static string Launcher => Harness.Workplace.Command;

    [Theory]
    [InlineData(127, "no such program", "run", "--", "no-program-of-this-name")]
    [InlineData(126, "Permission denied", "run", "--", "/etc/passwd")]
    [InlineData(126, "Permission denied", "run", "--", "/etc")]
    [InlineData(125, "put `--` and a program after the options", "run")]
    [InlineData(125, "put `--` and a program after the options", "run", "--")]
    [InlineData(125, "'3Q' is not a size", "run", "--window", "3Q", "--", "true")]
    [InlineData(125, "the least is 1 MiB", "run", "--window", "4K", "--", "true")]
    [InlineData(125, "'soon' is not a duration", "run", "--idle", "soon", "--", "true")]
    [InlineData(125, "--algorithm must be aes-xts-128 or aes-xts-256, not 'rot13'", "run", "--algorithm", "rot13", "--", "true")]
    [InlineData(125, "--key-per must be process or tree", "run", "--key-per", "page", "--", "true")]
    [InlineData(125, "the report cannot be written", "run", "--report", "/nonexistent/x", "--", "true")]
    [InlineData(2, "one of --text, --hex and --file", "scan", "--pid", "1")]
    [InlineData(2, "either --pid PID or --core FILE", "scan", "--text", "x")]
    [InlineData(2, "not a string of pairs of hexadecimal digits", "scan", "--pid", "1", "--hex", "xyz")]
    [InlineData(2, "there is no process", "scan", "--pid", "2147483646", "--text", "x")]
    [InlineData(2, "the pattern is empty", "scan", "--pid", "1", "--text", "")]
    [InlineData(2, "name a command")]
    public void A_mistake_is_answered_with_a_sentence_and_its_exit_status(int status, string sentence, params string[] arguments)
    {
        Outcome outcome = Run(Launcher, arguments);
        Assert.Equal(status, outcome.ExitStatus);
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.StartsWith("strongroom: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public void The_launcher_works_through_a_symbolic_link_from_another_directory()
    {
        string directory = Directory.CreateTempSubdirectory("strongroom-test-").FullName;
        try
        {
            string link = Path.Combine(directory, "link");
            _ = File.CreateSymbolicLink(link, Launcher);
            Outcome outcome = Run(link, ["--help"], directory);
            Assert.Equal(0, outcome.ExitStatus);
            Assert.Contains("scan", outcome.Output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Options_after_the_separator_are_the_programs()
    {
        Harness.Requirements.Pager();
        Outcome outcome = Run(Launcher, ["run", "--quiet", "--", "printf", "%s|", "--window", "", "--", "-h", "a b"]);
        Assert.Equal("--window||--|-h|a b|", outcome.Output);
        Assert.Equal(0, outcome.ExitStatus);
        Assert.Empty(outcome.Error);
    }

    [Fact]
    public void Arguments_that_are_not_text_arrive_byte_for_byte()
    {
        Harness.Requirements.Pager();
        string script = $"'{Launcher}' run --quiet -- printf %s \"$(printf 'a\\377\\200b')\" | od -An -tx1 | tr -d ' \\n'";
        Assert.Equal("61ff8062", Run("/bin/sh", ["-c", script]).Output);
    }

    [Fact]
    public void The_program_gets_its_callers_environment_and_limits()
    {
        Harness.Requirements.Pager();
        string show = "env | grep -E 'STRONGROOM_(NOFILE|ENV_)|DOTNET_(gcServer|EnableDiagnostics)='; ulimit -Sn; ulimit -Hn";
        string script = $"ulimit -Sn 700; DOTNET_gcServer=1 '{Launcher}' run --quiet -- sh -c \"$0\"; echo; unset DOTNET_EnableDiagnostics; ulimit -Hn";
        string[] parts = Run("/bin/sh", ["-c", script, show]).Output.Split("\n\n");
        Assert.Equal($"DOTNET_gcServer=1\n700\n{parts[1].Trim()}", parts[0]);
    }

    [Fact]
    public void A_script_without_an_interpreter_line_is_run_by_the_shell()
    {
        Harness.Requirements.Pager();
        string script = Path.GetTempFileName();
        try
        {
            File.WriteAllText(script, "echo \"$1 from $0\"; exit 7\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            Outcome outcome = Run(Launcher, ["run", "--quiet", "--", script, "word"]);
            Assert.Equal($"word from {script}\n", outcome.Output);
            Assert.Equal(7, outcome.ExitStatus);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [Fact]
    public void A_summary_goes_to_standard_error_and_a_report_to_its_file()
    {
        Harness.Requirements.Pager();
        string report = Path.GetTempFileName();
        try
        {
            Outcome outcome = Run(Launcher, ["run", "--window", "2M", "--report", report, "--", "sh", "-c", "kill -TERM $$"]);
            Assert.Equal(128 + 15, outcome.ExitStatus);
            Assert.Contains("strongroom: 1 process", outcome.Error, StringComparison.Ordinal);
            using FileStream stream = File.OpenRead(report);
            RunReport read = RunReportWriter.Read(stream);
            Assert.Equal(128 + 15, read.ExitStatus);
            Assert.Equal(2 << 20, read.Options.WindowBytes);
            Assert.Equal(1, read.Processes);
        }
        finally
        {
            File.Delete(report);
        }
    }

    [Theory]
    [InlineData("4M", true)]
    [InlineData("1G", false)]
    public void A_window_too_small_for_the_program_is_named_with_the_size_that_would_do(string window, bool isTooSmall)
    {
        Harness.Requirements.Pager();
        Harness.Requirements.Tools("perl");
        const string Script = "my $m = 'x' x (24 << 20); my $end = time + 4; while (time < $end) "
            + "{ for (my $i = 0; $i < length $m; $i += 4096) { substr($m, $i, 1) = 'y' } }";
        Outcome outcome = Run(Launcher, ["run", "--window", window, "--idle", "200ms", "--", "perl", "-e", Script]);
        Assert.Equal(0, outcome.ExitStatus);
        Assert.Equal(isTooSmall, outcome.Error.Contains("the window was full", StringComparison.Ordinal));
        if (isTooSmall)
        {
            int mebibytes = int.Parse(Regex.Match(outcome.Error, "--window of up to ([0-9]+)M").Groups[1].Value, CultureInfo.InvariantCulture);
            Assert.InRange(mebibytes, 24, 100);
        }
    }

    [Fact]
    public void A_run_inside_a_run_is_refused_with_the_reason()
    {
        Harness.Requirements.Pager();
        Outcome outcome = Run(Launcher, ["run", "--quiet", "--", Launcher, "run", "--", "true"]);
        Assert.Equal(125, outcome.ExitStatus);
        Assert.Contains("one run covers the whole tree", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_executable_memory_is_refused_run_says_so()
    {
        string build = Path.Combine(Path.GetDirectoryName(Launcher)!, "artifacts", "launch", "current");
        Assert.SkipUnless(!File.Exists(Path.Combine(build, "Strongroom.Cli.dll")), "Built for the .NET runtime, which does not start without.");
        const string Refuse = "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"; // PR_SET_MDWE
        Outcome outcome = Run("python3", ["-c", Refuse, Launcher, "run", "--quiet", "--", "true"]);
        Assert.Equal(125, outcome.ExitStatus);
        Assert.Contains("executable memory is missing", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_names_every_requirement_and_says_whether_run_can_work()
    {
        Outcome outcome = Run(Launcher, ["check", "--json"]);
        using JsonDocument json = JsonDocument.Parse(outcome.Output);
        Assert.Equal(json.RootElement.GetProperty("works").GetBoolean(), outcome.ExitStatus == 0);
        foreach (JsonElement requirement in json.RootElement.GetProperty("requirements").EnumerateArray())
        {
            bool met = requirement.GetProperty("isMet").GetBoolean();
            Assert.Equal(met, requirement.GetProperty("fix").GetString()!.Length == 0);
            Assert.NotEmpty(requirement.GetProperty("reason").GetString()!);
        }
    }

    [Fact]
    public void The_demo_shows_the_point_in_less_than_twenty_seconds()
    {
        Harness.Requirements.Pager();
        long start = Stopwatch.GetTimestamp();
        Outcome outcome = Run(Launcher, ["demo"]);
        Assert.True(outcome.ExitStatus == 0, outcome.Output + outcome.Error);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20), outcome.Output);
    }

    private static Outcome Run(string program, IReadOnlyList<string> arguments, string? directory = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? string.Empty,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        bool ended = process.WaitForExit(TimeSpan.FromSeconds(60));
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.True(ended, $"{program} {string.Join(' ', arguments)} did not end.");
        Task.WaitAll(error, output);
        return new(process.ExitCode, output.Result, error.Result);
    }
}
