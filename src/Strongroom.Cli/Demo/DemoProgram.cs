using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using Strongroom.Cli.Scanning;

namespace Strongroom.Cli.Demo;

/// <summary>The small program that is attacked: a shell script that keeps a password file in memory and answers questions.</summary>
internal sealed class DemoProgram : IDisposable
{
    /// <summary>How long it may take to start or to answer.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private const string Script = """
        vault=$(cat "$1")
        echo "$$"
        while read -r entry; do
            printf '%s\n' "$vault" | sed -n "${entry}p"
        done
        """;

    private readonly Process _process;
    private readonly DemoVault _vault;

    private DemoProgram(Process process, DemoVault vault)
    {
        _process = process;
        _vault = vault;
        Id = int.Parse(ReadLine(), CultureInfo.InvariantCulture);
    }

    /// <summary>Gets the process that holds the secret.</summary>
    internal int Id { get; }

    /// <summary>Gets the process that was started: the same one, or the pager in front of it.</summary>
    internal int StartedId => _process.Id;

    /// <summary>Starts it as it is.</summary>
    internal static DemoProgram Start(DemoVault vault) => Start(vault, "/bin/sh", ["-c", Script, "sh", vault.FilePath]);

    /// <summary>Starts it under <c>strongroom run</c>.</summary>
    internal static DemoProgram StartProtected(DemoVault vault)
    {
        List<string> arguments =
        [
            "run", "--quiet", "--window", "8M", "--idle", "100ms", "--", "/bin/sh", "-c", Script, "sh", vault.FilePath,
        ];
        string command = Environment.ProcessPath ?? "dotnet";
        if (Path.GetFileName(command) == "dotnet")
        {
            arguments.Insert(0, Path.Combine(AppContext.BaseDirectory, "Strongroom.Cli.dll"));
        }

        return Start(vault, command, arguments);
    }

    /// <summary>Counts the copies of the marker that root can read in it.</summary>
    internal long CountCopies() => CountCopies(Id);

    /// <summary>Counts the copies of the marker that root can read in a process.</summary>
    /// <exception cref="InvalidDataException">The process is gone.</exception>
    internal long CountCopies(int pid)
    {
        using PatternCounter counter = _vault.CreateCounter();
        return ProcessScanner.Scan(pid, ScanReach.Resident, counter)?.Copies
            ?? throw new InvalidDataException($"process {pid} ended too early.");
    }

    /// <summary>Asks for an entry of the password file.</summary>
    /// <returns>Whether the answer is right.</returns>
    internal bool Answers(int entry)
    {
        _process.StandardInput.WriteLine(entry.ToString(CultureInfo.InvariantCulture));
        _process.StandardInput.Flush();
        return ReadLine() == _vault.EntryText(entry);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            // The end of its input ends it, and the pager after it.
            _process.StandardInput.Close();
            if (!_process.WaitForExit(s_patience))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }
        catch (IOException)
        {
            // It has ended already.
        }

        _process.Dispose();
    }

    private static DemoProgram Start(DemoVault vault, string command, IReadOnlyList<string> arguments)
    {
        ProcessStartInfo start = new(command, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        Process process = Process.Start(start) ?? throw new InvalidDataException($"{command} could not be started.");
        try
        {
            return new DemoProgram(process, vault);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    private string ReadLine()
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync();
        return line.Wait(s_patience) && line.Result is string text
            ? text
            : throw new InvalidDataException($"the demo's program did not answer within {s_patience.TotalSeconds} seconds.");
    }
}
