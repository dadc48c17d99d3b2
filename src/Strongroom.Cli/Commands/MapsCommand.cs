using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using Strongroom.Cli.Control;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom maps: the VMAs of a program, each with its KeyID, as the series' self-tests expected of smaps.</summary>
internal static class MapsCommand
{
    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        Option<int> pid = new("--pid") { Description = "The process", HelpName = "PID", Required = true };
        Command command = new("maps", "List the VMAs of a process under run, each with its KeyID") { pid };
        command.SetAction(parsed => List(parsed.GetValue(pid)));
        return command;
    }

    private static int List(int pid)
    {
        if (PagerClient.PagerOf(pid) is not [int pager])
        {
            CommandLine.Say($"process {pid} does not run under strongroom.");
            return ExitStatus.Trouble;
        }

        if (!PagerClient.TryAsk(pager, $"maps {pid}", out IReadOnlyList<string[]> ranges))
        {
            CommandLine.Say($"pager {pager} does not answer: it is another user's, or was started with --keys off.");
            return ExitStatus.Trouble;
        }

        try
        {
            foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
            {
                PrintVma(line, ranges);
            }
        }
        catch (IOException e)
        {
            CommandLine.Say(e.Message);
            return ExitStatus.Trouble;
        }

        return ExitStatus.Success;
    }

    // The kernel may show as one VMA what carries several keys.
    private static void PrintVma(string line, IReadOnlyList<string[]> ranges)
    {
        int dash = line.IndexOf('-', StringComparison.Ordinal);
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        ulong at = Number(line[..dash]);
        ulong end = Number(line[(dash + 1)..space]);
        string rest = line[space..];
        foreach (string[] range in ranges)
        {
            ulong first = Math.Max(Number(range[0]), at);
            ulong last = Math.Min(Number(range[1]), end);
            if (first < last)
            {
                PrintPiece(at, first, rest, "0");
                PrintPiece(first, last, rest, range[2]);
                at = last;
            }
        }

        PrintPiece(at, end, rest, "0");
    }

    private static void PrintPiece(ulong start, ulong end, string rest, string keyId)
    {
        if (start < end)
        {
            Console.Out.Write($"{start:x}-{end:x}{rest}\nKeyID:          {keyId}\n");
        }
    }

    private static ulong Number(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
