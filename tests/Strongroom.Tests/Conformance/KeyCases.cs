using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Strongroom.Tests.Harness;

namespace Strongroom.Tests.Conformance;

/// <summary>The behaviours that the programs of the KeyPrograms folder report one by one: <c>CASE("…")</c> in their sources.</summary>
internal static partial class KeyCases
{
    /// <summary>The cases of one program, in their order.</summary>
    public static IReadOnlyList<string> Of(string program) =>
    [
        .. Case().Matches(File.ReadAllText(Path.Combine(Workplace.Sources, "KeyPrograms", program + ".c")))
            .Select(match => match.Groups[1].Value),
    ];

    [GeneratedRegex("\\bCASE\\(\"([^\"]+)\"\\)")]
    private static partial Regex Case();
}
