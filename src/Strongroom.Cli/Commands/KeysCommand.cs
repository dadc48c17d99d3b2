using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using Strongroom.Cli.Control;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom keys: the memory keys of programs that run.</summary>
internal static class KeysCommand
{
    private static readonly string[] s_head =
    [
        "keyid", "type", "algorithm", "state", "key", "vmas", "pages", "mapped", "sealed", "serial", "description",
    ];

    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        Option<int> pid = new("--pid") { Description = "Those of the run that this process belongs to; of all runs unless given", HelpName = "PID" };
        Command command = new("keys", "List the memory keys of programs under run: KeyIDs, what holds them, bytes under each")
        {
            pid,
        };
        command.SetAction(parsed => List(parsed.GetResult(pid) is null ? null : parsed.GetValue(pid)));
        return command;
    }

    private static int List(int? pid)
    {
        IReadOnlyList<int> pagers = pid is { } process ? PagerClient.PagerOf(process) : PagerClient.AllPagers();
        if (pagers.Count == 0)
        {
            CommandLine.Say(pid is null ? "no program runs under strongroom." : $"process {pid} does not run under strongroom.");
            return ExitStatus.Trouble;
        }

        List<string[]> rows = [s_head];
        foreach (int pager in pagers)
        {
            if (PagerClient.TryAsk(pager, "keys", out IReadOnlyList<string[]> found))
            {
                foreach (string[] row in found)
                {
                    row[7] = Quantity.FormatSize(long.Parse(row[7], CultureInfo.InvariantCulture));
                    row[8] = Quantity.FormatSize(long.Parse(row[8], CultureInfo.InvariantCulture));
                    rows.Add(row);
                }
            }
            else
            {
                CommandLine.Say($"pager {pager} does not answer: it is another user's, or was started with --keys off.");
            }
        }

        Print(rows);
        return ExitStatus.Success;
    }

    private static void Print(List<string[]> rows)
    {
        foreach (string[] row in rows)
        {
            for (int column = 0; column < row.Length; column++)
            {
                int width = 0;
                foreach (string[] other in rows)
                {
                    width = Math.Max(width, other[column].Length);
                }

                Console.Out.Write(column == row.Length - 1 ? row[column] : row[column].PadRight(width + 2));
            }

            Console.Out.Write('\n');
        }
    }
}
