using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Strongroom.Tests.Harness;

/// <summary>How <c>strongroom run</c> is called.</summary>
internal sealed record RunOptions
{
    /// <summary>Most plaintext of the tree.</summary>
    public string Window { get; init; } = "2M";

    /// <summary>Seal what was not used for this long.</summary>
    public string Idle { get; init; } = "50ms";

    /// <summary>Stretches the times that the program leaves for sealing: 1 is three idle periods.</summary>
    public int Patience { get; init; } = 1;

    /// <summary>Whether Strongroom and the program share one processor; taskset(1).</summary>
    public bool OneProcessor { get; init; }

    /// <summary>Further options, before the program.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>
    /// Turns a launch of a program into one of the same program under Strongroom. The report goes to
    /// <paramref name="reportFile"/>.
    /// </summary>
    public Launch Wrap(Launch program, string reportFile) => program with
    {
        FileName = OneProcessor ? "taskset" : Workplace.Command,
        Arguments =
        [
            .. OneProcessor ? (string[])["1", Workplace.Command] : [],
            "run", "--quiet", "--window", Window, "--idle", Idle, "--report", Path.GetFullPath(reportFile), .. More,
            "--", program.FileName, .. program.Arguments,
        ],
        Environment = new Dictionary<string, string>(program.Environment)
        {
            ["TARGET_SETTLE_MS"] = program.Environment.TryGetValue("TARGET_SETTLE_MS", out string? set)
                ? set
                : (IdleMilliseconds() * 3 * Patience).ToString(CultureInfo.InvariantCulture),
        },
    };

    private int IdleMilliseconds()
    {
        ReadOnlySpan<char> text = Idle;
        return text.EndsWith("ms")
            ? int.Parse(text[..^2], CultureInfo.InvariantCulture)
            : int.Parse(text[..^1], CultureInfo.InvariantCulture) * 1000;
    }
}
