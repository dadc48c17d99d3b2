using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom run: a program with its memory encrypted.</summary>
/// <remarks>Nothing here may use System.Console; see <see cref="StandardStream"/>.</remarks>
internal sealed class RunCommand
{
    /// <summary>The command's name.</summary>
    internal const string Name = "run";

    private const int ENOEXEC = 8;

    private readonly Option<long> _window = new("--window")
    {
        Description = "Most plaintext of the whole tree; 256M unless given",
        HelpName = "SIZE",
        CustomParser = result => Quantity.ParseSize(result, RunOptions.MinimumWindowBytes),
    };

    private readonly Option<TimeSpan> _idle = new("--idle")
    {
        Description = "Seal what was not used for this long; 1s unless given",
        HelpName = "DURATION",
        CustomParser = result => Quantity.ParseDuration(result, TimeSpan.FromMilliseconds(10)),
    };

    private readonly Option<string> _algorithm = new("--algorithm")
    {
        Description = "aes-xts-256, unless given, or aes-xts-128",
        HelpName = "NAME",
    };

    private readonly Option<string> _keyPer = new("--key-per")
    {
        Description = "A key for each process, unless given (a forked child shares its parent's until it executes), or tree",
        HelpName = "process|tree",
    };

    private readonly Option<string> _report = new("--report")
    {
        Description = "Write a report in JSON; docs/report.md explains it",
        HelpName = "FILE",
    };

    private readonly CallOptionSet _calls = new();

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Say nothing at the end" };

    private readonly int _programArgumentCount;

    private RunCommand(int programArgumentCount)
    {
        _programArgumentCount = programArgumentCount;
    }

    /// <summary>Makes the command.</summary>
    /// <param name="programArgumentCount">How many arguments follow <c>--</c>; -1 without it.</param>
    internal static Command Create(int programArgumentCount)
    {
        RunCommand run = new(programArgumentCount);
        Command command = new(Name, "Run a program with its memory encrypted: run [options] -- PROGRAM [ARG...]")
        {
            run._window,
            run._idle,
            run._algorithm.AcceptOnly("aes-xts-128", "aes-xts-256"),
            run._keyPer.AcceptOnly("process", "tree"),
            run._report,
            run._quiet,
        };
        run._calls.AddTo(command);
        command.Validators.Add(result =>
        {
            if (programArgumentCount < 1)
            {
                result.AddError("put `--` and a program after the options, as in `strongroom run -- ls -l`.");
            }
        });
        command.SetAction(run.Invoke);
        return command;
    }

    private int Invoke(ParseResult parsed)
    {
        IReadOnlyList<byte[]> arguments = ProgramArguments.Last(_programArgumentCount);
        IReadOnlyList<byte[]> environment = ProgramArguments.ProgramEnvironment();
        bool quiet = parsed.GetValue(_quiet);

        int errno = ProgramLookup.Find(arguments[0], environment, out byte[] path);
        if (errno != 0)
        {
            return RefuseToStart(arguments[0], errno);
        }

        RunOptions options = new()
        {
            Program = path,
            Arguments = arguments,
            Environment = environment,
            WindowBytes = parsed.GetResult(_window) is null ? RunOptions.DefaultWindowBytes : parsed.GetValue(_window),
            Idle = parsed.GetResult(_idle) is null ? RunOptions.DefaultIdle : parsed.GetValue(_idle),
            Algorithm = parsed.GetValue(_algorithm) == "aes-xts-128" ? MemoryAlgorithm.AesXts128 : MemoryAlgorithm.AesXts256,
            KeyPer = parsed.GetValue(_keyPer) == "tree" ? KeyScope.Tree : KeyScope.Process,
            OpenFilesSoftLimit = CallersOpenFilesLimit(),
            Calls = _calls.Read(parsed),
            Progress = quiet ? null : LiveLine.ForThisTerminal(),
        };
        return Run(options, parsed.GetValue(_report), quiet);
    }

    private static int Run(RunOptions options, string? reportPath, bool quiet)
    {
        // The report's file is opened first: a run of hours must not end with "permission denied".
        using FileStream? reportFile = OpenReport(reportPath, out bool refused);
        if (refused)
        {
            return ExitStatus.Refused;
        }

        if (Requirements.FindMissingQuickly() is Requirement missing)
        {
            CommandLine.Say(missing.DescribeRefusal());
            return ExitStatus.Refused;
        }

        RunReport report;
        try
        {
            report = Start(options);
        }
        catch (ProgramStartException e)
        {
            return RefuseToStart(options.Arguments[0], e.Errno);
        }
        catch (Exception e) when (e is KernelException or NotSupportedException)
        {
            CommandLine.Say(Requirements.FindMissing()?.DescribeRefusal() ?? e.Message);
            return ExitStatus.Refused;
        }

        (options.Progress as LiveLine)?.Erase();
        if (reportFile is not null)
        {
            RunReportWriter.Write(report, reportFile);
        }

        StandardError.Write(RunSummary.OfKilled(report));
        if (!quiet)
        {
            StandardError.Write(RunSummary.Of(report));
        }

        return report.ExitStatus;
    }

    // A script without "#!" is run by the shell, as execvp(3) does.
    private static RunReport Start(RunOptions options)
    {
        try
        {
            return TreeRunner.Run(options);
        }
        catch (ProgramStartException e) when (e.Errno == ENOEXEC)
        {
            byte[][] rest = [.. options.Arguments];
            return TreeRunner.Run(options.WithProgram("/bin/sh"u8.ToArray(), ["sh"u8.ToArray(), options.Program, .. rest[1..]]));
        }
    }

    private static FileStream? OpenReport(string? path, out bool refused)
    {
        refused = false;
        try
        {
            return path is null ? null : new FileStream(path, FileMode.Create, FileAccess.Write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            CommandLine.Say($"the report cannot be written: {e.Message}");
            refused = true;
            return null;
        }
    }

    private static int RefuseToStart(byte[] program, int errno)
    {
        string name = Encoding.UTF8.GetString(program);
        if (errno == Libc.ENOENT)
        {
            CommandLine.Say($"{name}: no such program.");
            return ExitStatus.NotFound;
        }

        CommandLine.Say($"{name}: {KernelException.Describe(errno)}.");
        return ExitStatus.NotExecutable;
    }

    private static ulong? CallersOpenFilesLimit()
    {
        string? text = Environment.GetEnvironmentVariable(ProgramArguments.NofileVariable);
        return text == "unlimited" ? ulong.MaxValue
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit) ? limit
            : null;
    }
}
