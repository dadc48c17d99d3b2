using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>What to start.</summary>
/// <param name="FileName">The program.</param>
/// <param name="Arguments">Its arguments.</param>
internal sealed record Launch(string FileName, params IReadOnlyList<string> Arguments)
{
    /// <summary>Seconds after which a program that has not ended has failed.</summary>
    public double LimitSeconds { get; init; } = 60;

    /// <summary>The directory to start in; a fresh one if null.</summary>
    public string? Directory { get; init; }

    /// <summary>Standard input; empty if null.</summary>
    public byte[]? Input { get; init; }

    /// <summary>Variables added to the environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>A running program under the supervisor, which ends the whole tree when the limit strikes.</summary>
internal sealed class Supervised : IDisposable
{
    private readonly Process _supervisor;
    private readonly Launch _launch;
    private readonly string _resultFile;
    private readonly string? _ownDirectory;
    private readonly MemoryStream _output = new();
    private readonly Task _reading;
    private readonly Task<string> _readingError;

    private Supervised(Launch launch)
    {
        _launch = launch;
        string directory = launch.Directory ?? (_ownDirectory = Workplace.NewRunDirectory("run"));
        _resultFile = Path.Combine(Workplace.Artifacts, $"result-{Guid.NewGuid():N}");
        ProcessStartInfo start = new(CProgram.Supervisor)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };
        start.ArgumentList.Add(launch.LimitSeconds.ToString(CultureInfo.InvariantCulture));
        start.ArgumentList.Add(_resultFile);
        start.ArgumentList.Add(launch.FileName);
        foreach (string argument in launch.Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in launch.Environment)
        {
            start.Environment[name] = value;
        }

        _supervisor = Process.Start(start) ?? throw new InvalidOperationException("The supervisor did not start.");
        _reading = _supervisor.StandardOutput.BaseStream.CopyToAsync(_output);
        _readingError = _supervisor.StandardError.ReadToEndAsync();
        if (launch.Input is { } input)
        {
            _ = WriteInputAsync(input);
        }
        else
        {
            _supervisor.StandardInput.Close();
        }
    }

    /// <summary>Number of the supervising process, whose descendants are the whole tree.</summary>
    public int SupervisorId => _supervisor.Id;

    /// <summary>Starts a program.</summary>
    public static Supervised Start(Launch launch) => new(launch);

    /// <summary>Runs a program to its end.</summary>
    public static Outcome Run(Launch launch)
    {
        using Supervised supervised = new(launch);
        return supervised.Wait();
    }

    /// <summary>The first process of the tree, once there is one.</summary>
    public int WaitForRoot()
    {
        for (Stopwatch clock = Stopwatch.StartNew(); clock.Elapsed.TotalSeconds < 10; Thread.Sleep(1))
        {
            if (ProcessTable.Children(_supervisor.Id) is [int root, ..])
            {
                return root;
            }
        }

        throw new InvalidOperationException("The supervisor started nothing within 10 s.");
    }

    /// <summary>What the program has written to standard output so far.</summary>
    public string OutputSoFar()
    {
        // The buffer may be replaced while it grows; a torn view is only ever too short.
        return Encoding.UTF8.GetString(_output.GetBuffer().AsSpan(0, (int)_output.Length));
    }

    /// <summary>Waits until the program has written a text; fails the test if it ends or hangs first.</summary>
    public string WaitForOutput(string text, double seconds = 30)
    {
        bool isOver = false;
        for (Stopwatch clock = Stopwatch.StartNew(); !isOver && clock.Elapsed.TotalSeconds < seconds; Thread.Sleep(2))
        {
            // Asked before the output is looked at: what a program writes last is not missed.
            isOver = _reading.IsCompleted;
            if (OutputSoFar() is { } so_far && so_far.Contains(text, StringComparison.Ordinal))
            {
                return so_far;
            }
        }

        Kill();
        Assert.Fail($"The program {(isOver ? "ended and" : $"ran for {seconds} s and")} did not write '{text}'.\n{Wait()}");
        return string.Empty;
    }

    /// <summary>Ends every process of the tree; <see cref="Wait"/> then returns soon.</summary>
    public void Kill()
    {
        foreach (int pid in ProcessTable.Descendants(_supervisor.Id))
        {
            ProcessTable.Signal(pid, ProcessTable.Sigkill);
        }
    }

    /// <summary>Waits for the end of the program and of all that it left behind.</summary>
    public Outcome Wait()
    {
        // The supervisor keeps the limit; this second one is for a supervisor that is broken itself.
        bool ended = _supervisor.WaitForExit(TimeSpan.FromSeconds(_launch.LimitSeconds + 60));
        if (!ended)
        {
            Kill();
            _supervisor.Kill();
        }

        bool drained = Task.WaitAll([_reading, _readingError], TimeSpan.FromSeconds(10));
        string error = drained ? _readingError.Result : "[standard error was held open by someone]";
        return ReadResult(error, ended && drained);
    }

    /// <summary>Ends the tree if it still runs and removes what the run left on disk.</summary>
    public void Dispose()
    {
        if (!_supervisor.HasExited)
        {
            Kill();
            _ = _supervisor.WaitForExit(TimeSpan.FromSeconds(20));
        }

        _supervisor.Dispose();
        File.Delete(_resultFile);
        if (_ownDirectory is not null)
        {
            Directory.Delete(_ownDirectory, recursive: true);
        }
    }

    private async Task WriteInputAsync(byte[] input)
    {
        try
        {
            await _supervisor.StandardInput.BaseStream.WriteAsync(input);
            _supervisor.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading all of it, as it may.
        }
    }

    private Outcome ReadResult(string error, bool orderly)
    {
        int status = -1;
        bool timedOut = !orderly;
        double wall = 0;
        List<string> survivors = [];
        List<string> unkillable = [];
        StringBuilder diagnostics = new();
        foreach (string line in File.Exists(_resultFile) ? File.ReadAllLines(_resultFile) : [])
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            string value = line[(space + 1)..];
            switch (line[..space])
            {
                case "exit": status = int.Parse(value, CultureInfo.InvariantCulture); break;
                case "signal": status = 128 + int.Parse(value, CultureInfo.InvariantCulture); break;
                case "wall": wall = double.Parse(value, CultureInfo.InvariantCulture); break;
                case "timeout": timedOut = true; break;
                case "survivor": survivors.Add(value); break;
                case "unkillable": unkillable.Add(value); break;
                case "hung" or "diagnostic": _ = diagnostics.Append(line).Append('\n'); break;
                default: break;
            }
        }

        return new Outcome
        {
            Command = $"{_launch.FileName} {string.Join(' ', _launch.Arguments)}",
            ExitStatus = status,
            Output = _output.ToArray(),
            Error = error,
            TimedOut = timedOut,
            WallSeconds = wall,
            Survivors = survivors,
            Unkillable = unkillable,
            Diagnostics = diagnostics.ToString(),
        };
    }
}
