using System;
using System.Globalization;
using Strongroom.Kernel;
using Strongroom.Pager;

namespace Strongroom.Cli;

/// <summary>One line about a long run on a terminal, written over again each second.</summary>
/// <remarks>
/// The cursor goes back to the start of the line each time, so whatever the program writes to the terminal itself starts at the
/// margin and covers the line. Thread safety: the pager calls from one thread; <see cref="Erase"/> comes after the run.
/// </remarks>
internal sealed class LiveLine : IProgress<RunProgress>
{
    private static readonly TimeSpan s_quietStart = TimeSpan.FromSeconds(3);

    private int _length;

    /// <summary>Makes a line if it disturbs nobody.</summary>
    /// <returns>Null unless standard error is a terminal and standard output is not: a program that draws on the terminal has both.</returns>
    internal static LiveLine? ForThisTerminal() =>
        StandardStream.IsTerminal(StandardStream.Error) && !StandardStream.IsTerminal(StandardStream.Output) ? new() : null;

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        if (value.Elapsed < s_quietStart)
        {
            return;
        }

        string line = string.Create(
            CultureInfo.InvariantCulture,
            $"strongroom: {value.Elapsed.TotalSeconds:0} s, {value.Processes} processes, "
            + $"{Quantity.FormatSize(value.ClearBytes)} in clear, {Quantity.FormatSize(value.SealedBytes)} sealed, "
            + $"{value.Faults} faults{(value.IsWindowFull ? ", window full" : string.Empty)}");
        StandardError.Write(line.PadRight(_length) + "\r");
        _length = line.Length;
    }

    /// <summary>Removes the line.</summary>
    internal void Erase()
    {
        if (_length > 0)
        {
            StandardError.Write(new string(' ', _length) + "\r");
            _length = 0;
        }
    }
}
