using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Strongroom.Pager;

namespace Strongroom.Bench;

/// <summary>A long job against itself without Strongroom, piece by piece in turn: of two whole ones, minutes apart, each may meet another
/// machine. Two shells do it, one of them under Strongroom, each from the first piece to the last.</summary>
/// <param name="name">The benchmark's name.</param>
/// <param name="summary">What it measures.</param>
/// <param name="limit">The largest ratio that is promised.</param>
/// <param name="rounds">How often the whole job is done.</param>
/// <param name="prepare">Given a name for the place where to work, prepares the job there and gives its pieces, as commands of a shell.</param>
internal sealed class PiecesBenchmark(
    string name, string summary, double limit, int rounds, Func<string, IReadOnlyList<string>> prepare) : IBenchmark
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Summary => summary;

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        List<double> bare = [];
        List<double> under = [];
        RunReport? report = null;
        for (int round = 0; round < rounds; round++)
        {
            report = RunOnce(bare, under, round);
        }

        yield return BenchmarkRow.AtMost(name, under.Sum() / rounds, "s", bare.Sum() / rounds, under.Sum() / bare.Sum(), limit);
        yield return new($"{name}, median of {bare.Count} pieces", Workbench.Median([.. under.Zip(bare, (u, b) => u / b)]), "times");
        yield return new(name + ", time in clear", report!.TimeInClear * 100, "%");
    }

    // The order alternates too, so that a steady drift of the machine favours neither.
    private RunReport RunOnce(List<double> bare, List<double> under, int round)
    {
        IReadOnlyList<string> barePieces = prepare(name + ".bare");
        IReadOnlyList<string> sealedPieces = prepare(name + ".sealed");
        string report = Workbench.NewReport();
        using (Shell plain = new([]))
        using (Shell covered = new(Workbench.Strongroom(report, ["--window", "4G"])))
        {
            for (int i = 0; i < barePieces.Count; i++)
            {
                bool isSealedFirst = (i + round) % 2 == 0;
                double first = isSealedFirst ? covered.Time(sealedPieces[i]) : plain.Time(barePieces[i]);
                double second = isSealedFirst ? plain.Time(barePieces[i]) : covered.Time(sealedPieces[i]);
                under.Add(isSealedFirst ? first : second);
                bare.Add(isSealedFirst ? second : first);
            }
        }

        return Workbench.ReadReport(report);
    }

    /// <summary>A shell that carries out commands one after the other.</summary>
    private sealed class Shell : IDisposable
    {
        private const string Loop = "while read -r line; do eval \"$line\" > /dev/null 2> \"$0\"; echo $?; done";

        private readonly string _errors = Workbench.At("errors");
        private readonly Process _process;

        /// <summary>Starts it.</summary>
        /// <param name="prefix">What starts it in turn.</param>
        internal Shell(IReadOnlyList<string> prefix)
        {
            string[] command = [.. prefix, "sh", "-c", Loop, _errors];
            _process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1))
            {
                WorkingDirectory = Workbench.Directory,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        }

        /// <summary>Carries out a command, on memory that the host has backed.</summary>
        /// <returns>Seconds.</returns>
        /// <exception cref="InvalidOperationException">It failed.</exception>
        internal double Time(string command)
        {
            Workbench.BackMemory();
            long began = Stopwatch.GetTimestamp();
            _process.StandardInput.WriteLine(command);
            _process.StandardInput.Flush();
            string? status = _process.StandardOutput.ReadLine();
            double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            return status == "0" ? seconds : throw new InvalidOperationException($"{command} ended with {status}: {File.ReadAllText(_errors)}");
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
