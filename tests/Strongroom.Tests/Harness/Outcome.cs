using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Strongroom.Tests.Harness;

/// <summary>How a supervised program ended.</summary>
internal sealed class Outcome
{
    /// <summary>What the program was, for messages.</summary>
    public required string Command { get; init; }

    /// <summary>The exit status, or 128 plus the signal that ended the program; -1 if it never ended by itself.</summary>
    public required int ExitStatus { get; init; }

    /// <summary>Standard output.</summary>
    public required byte[] Output { get; init; }

    /// <summary>Standard error.</summary>
    public required string Error { get; init; }

    /// <summary>Whether the outside time limit ended the program.</summary>
    public required bool TimedOut { get; init; }

    /// <summary>From start to end of the program, in seconds.</summary>
    public required double WallSeconds { get; init; }

    /// <summary>Processes of the tree that lived a second longer than the program itself.</summary>
    public required IReadOnlyList<string> Survivors { get; init; }

    /// <summary>Processes that not even SIGKILL ended.</summary>
    public required IReadOnlyList<string> Unkillable { get; init; }

    /// <summary>Where every process stood when the limit struck.</summary>
    public required string Diagnostics { get; init; }

    /// <summary>Standard output as text.</summary>
    public string OutputText => Encoding.UTF8.GetString(Output);

    /// <summary>Everything a reader needs to understand a failure.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        _ = text.Append(CultureInfo.InvariantCulture, $"{Command}\nexit status {ExitStatus} after {WallSeconds:F2} s");
        _ = text.Append(TimedOut ? ", ended by the time limit\n" : "\n");
        AppendSection(text, "standard output", OutputText);
        AppendSection(text, "standard error", Error);
        AppendSection(text, "survivors", string.Join('\n', Survivors));
        AppendSection(text, "unkillable", string.Join('\n', Unkillable));
        AppendSection(text, "diagnostics", Diagnostics);
        return text.ToString();
    }

    private static void AppendSection(StringBuilder text, string title, string content)
    {
        const int Most = 6000;
        if (content.Length > 0)
        {
            _ = text.Append("--- ").Append(title).Append('\n');
            _ = text.Append(content.Length > Most ? content[..(Most / 2)] + "\n[...]\n" + content[^(Most / 2)..] : content);
            _ = text.Append('\n');
        }
    }
}
