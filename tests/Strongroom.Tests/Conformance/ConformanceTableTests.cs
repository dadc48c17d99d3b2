using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Strongroom.Tests.Harness;
using Strongroom.Tests.Rules;
using Xunit;

namespace Strongroom.Tests.Conformance;

public partial class ConformanceTableTests
{
    [Fact]
    public void Every_test_that_the_table_names_exists_and_every_row_names_one()
    {
        HashSet<string> tests = [];
        foreach (string file in Repository.CSharp("tests"))
        {
            foreach (Match method in TestMethod().Matches(File.ReadAllText(file)))
            {
                string name = method.Groups[1].Value;
                _ = tests.Add(name);
                _ = tests.Add($"{Path.GetFileNameWithoutExtension(file)}.{name}");
            }
        }

        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "conformance.md"));
        int rows = 0;
        for (int number = 0; number < lines.Length; number++)
        {
            string[] cells = lines[number].Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length != 5 || cells[3] is "Test" or "---")
            {
                continue;
            }

            rows++;
            string[] names = [.. cells[3].Split('`').Where((_, index) => index % 2 == 1)];
            Assert.True(names.Length > 0 || cells[3] == "same", $"Line {number + 1} names no test.");
            Assert.All(names, name => Assert.True(tests.Contains(name), $"Line {number + 1} names {name}, which is no test."));
        }

        Assert.InRange(rows, 80, 10_000);
    }

    [Fact]
    public void Every_case_of_the_programs_is_a_row_and_every_such_row_is_a_case()
    {
        string[] cases =
        [
            .. CProgram.AllNames("KeyPrograms").SelectMany(program => KeyCases.Of(program).Select(each => $"{program}.c|{each}")),
        ];
        string[] rows =
        [
            .. File.ReadLines(Path.Combine(Repository.Root, "docs", "conformance.md"))
                .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
                .Where(cells => cells.Length == 5 && cells[3].StartsWith("`A_case_passes` (", StringComparison.Ordinal))
                .Select(cells => $"{cells[3].Split('(')[1].TrimEnd(')')}|{cells[1]}"),
        ];
        Assert.Empty(cases.Except(rows));
        Assert.Empty(rows.Except(cases));
        Assert.Equal(cases.Length, cases.Distinct().Count());
        Assert.True(CProgram.AllNames("KeyPrograms").All(program => KeyCases.Of(program).Count > 0), "A program has no case.");
        Assert.InRange(cases.Length, 100, 1000);
    }

    [GeneratedRegex(@"\[(?:Fact|Theory)\b[^\{]*?\bpublic (?:unsafe )?(?:async )?(?:void|Task) (\w+)\(")]
    private static partial Regex TestMethod();
}
