using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Strongroom.Machine.Mm;
using Xunit;

namespace Strongroom.Tests.Rules;

/// <summary>docs/coverage.md has a row for every patch, and what its rows name exists.</summary>
public partial class CoverageTableTests
{
    private const string NotModelled = "not modelled: ";

    [Theory]
    [InlineData("## Core memory management", 19)]
    [InlineData("## User interface", 12)]
    [InlineData("## The whole series", 62)]
    [InlineData("## Secret memory", 6)]
    public void Every_patch_has_a_row(string section, int patches)
    {
        string[][] rows = [.. Rows(section)];
        Assert.Equal(Enumerable.Range(1, patches), rows.Select(row => int.Parse(row[0], null)));
        Assert.Equal(patches, rows.Select(row => row[1]).Distinct().Count());
        string[] silent = [.. rows.Where(row => !IsComplete(row)).Select(row => $"{row[0]} {row[1]}")];
        Assert.True(silent.Length == 0, string.Join("\n", silent));

        static bool IsComplete(string[] row) => row[2].StartsWith(NotModelled, StringComparison.Ordinal)
            ? row[2].Length > NotModelled.Length + 10 && row[3].Length == 0
            : Names(row[2]).Any(IsFile) && Names(row[3]).Length > 0;
    }

    [Fact]
    public void Every_file_and_name_that_a_row_gives_exists()
    {
        List<string> missing = [];
        foreach (string[] row in Rows("# "))
        {
            if (row[2].StartsWith(NotModelled, StringComparison.Ordinal))
            {
                continue;
            }

            string[] names = Names(row[2]);
            string[] paths = [.. names.Where(IsFile).Select(PathOf)];
            missing.AddRange(paths.Where(path => !File.Exists(path)).Select(path => $"{row[0]}: {path}"));
            string text = string.Concat(paths.Where(File.Exists).Select(File.ReadAllText));
            missing.AddRange(names.Where(name => !IsFile(name) && !Regex.IsMatch(text, $@"\b{name}\b")).Select(name => $"{row[0]}: {name}"));
        }

        Assert.True(missing.Count == 0, string.Join("\n", missing));
    }

    [Fact]
    public void Every_test_and_seeded_fault_that_a_row_gives_exists()
    {
        HashSet<string> known = [.. Enum.GetNames<Mutant>()];
        foreach (string file in Repository.CSharp("tests"))
        {
            string type = Path.GetFileNameWithoutExtension(file);
            foreach (Match method in TestMethod().Matches(File.ReadAllText(file)))
            {
                _ = known.Add(type);
                _ = known.Add($"{type}.{method.Groups[1].Value}");
            }
        }

        string[] missing = [.. Rows("# ").SelectMany(row => Names(row[3]).Where(name => !known.Contains(name)).Select(name => $"{row[0]}: {name}"))];
        Assert.True(missing.Length == 0, string.Join("\n", missing));
    }

    /// <summary>The rows of four cells below a heading, up to the next one of its rank; below the title, all.</summary>
    private static IEnumerable<string[]> Rows(string heading)
    {
        string rank = heading[..(heading.IndexOf(' ', StringComparison.Ordinal) + 1)];
        return File.ReadLines(Path.Combine(Repository.Root, "docs/coverage.md"))
            .SkipWhile(line => !line.StartsWith(heading, StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(line => !line.StartsWith(rank, StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Where(cells => cells.Length == 6 && cells[1].Length > 0 && char.IsAsciiDigit(cells[1][0]))
            .Select(cells => cells[1..5]);
    }

    private static string[] Names(string cell) => [.. cell.Split('`').Where((_, index) => index % 2 == 1)];

    private static bool IsFile(string name) => name.EndsWith(".cs", StringComparison.Ordinal) || name.StartsWith("docs/", StringComparison.Ordinal);

    private static string PathOf(string name) =>
        Path.Combine(Repository.Root, name.StartsWith("docs/", StringComparison.Ordinal) ? name : "src/Strongroom." + name);

    [GeneratedRegex(@"\[(?:Fact|Theory)\b[^\{]*?\bpublic (?:unsafe )?(?:async )?(?:void|Task) (\w+)\(")]
    private static partial Regex TestMethod();
}
