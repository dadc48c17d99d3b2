using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Strongroom.Tests.Rules;

/// <summary>Rules about the text of the code that the compiler does not check.</summary>
public partial class SourceRuleTests
{
    private const int LongestFile = 450;
    private const int LongestLine = 160;

    // A member that dereferences, pins or calls through a pointer has to say why that is safe.
    private static readonly string[] s_pointerUses = ["fixed (", "stackalloc", "*(", "->", "unmanaged<"];

    [Fact]
    public void Every_unsafe_block_says_why_it_is_safe()
    {
        List<string> silent = [];
        foreach (string path in Repository.CSharp("src"))
        {
            string[] lines = File.ReadAllLines(path);
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].Trim() is "unsafe" or "unsafe {" && !lines.Skip(i).Take(6).Any(line => line.Contains("// SAFETY:", StringComparison.Ordinal)))
                {
                    silent.Add($"{Repository.Relative(path)}:{i + 1}");
                }
            }
        }

        Assert.True(silent.Count == 0, "No SAFETY note: " + string.Join(", ", silent));
    }

    [Fact]
    public void Every_file_that_uses_pointers_argues_their_safety()
    {
        string[] files = [.. Repository.CSharp("src")];

        // A type whose documentation puts obligations on its callers argues for those that take a pointer to it.
        string[] contracts =
        [
            .. files.Where(path => File.ReadAllText(path).Contains("<safety>", StringComparison.Ordinal))
                .Select(path => Path.GetFileNameWithoutExtension(path) + "* "),
        ];
        string[] silent = [.. files.Where(path => IsSilent(File.ReadAllText(path), contracts)).Select(Repository.Relative)];
        Assert.True(silent.Length == 0, "No SAFETY note: " + string.Join(", ", silent));
    }

    [Fact]
    public void Files_stay_short_enough_to_read()
    {
        string[] large =
        [
            .. Repository.CSharp("src").Concat(Repository.CSharp("tests"))
                .Where(path => File.ReadLines(path).Count() > LongestFile)
                .Select(Repository.Relative),
        ];
        Assert.True(large.Length == 0, $"More than {LongestFile} lines: {string.Join(", ", large)}");
    }

    [Fact]
    public void Lines_stay_short_enough_to_read()
    {
        string[] wide =
        [
            .. Repository.CSharp("src")
                .Where(path => File.ReadLines(path).Any(line => line.Length > LongestLine))
                .Select(Repository.Relative),
        ];
        Assert.True(wide.Length == 0, $"Lines of more than {LongestLine} columns: {string.Join(", ", wide)}");
    }

    [Theory]
    [InlineData("#region", "a file that needs regions needs to be two files")]
    [InlineData("SuppressGCTransition", "a page fault taken in cooperative mode can deadlock the collector")]
    [InlineData("Thread.Sleep", "wait for what is awaited, or pass a TimeProvider")]
    [InlineData("DllImport", "imports are generated, with LibraryImport")]
    [InlineData("NotImplementedException", "nothing is released half done")]
    [InlineData("GC.SuppressFinalize", "a SafeHandle owns what must be released")]
    public void The_code_does_not_use(string what, string because)
    {
        string[] users =
        [
            .. Repository.CSharp("src")
                .Where(path => File.ReadAllText(path).Contains(what, StringComparison.Ordinal))
                .Select(Repository.Relative),
        ];
        Assert.True(users.Length == 0, $"{what} ({because}): {string.Join(", ", users)}");
    }

    [Fact]
    public void Nothing_is_left_to_do_without_a_number()
    {
        string[] open =
        [
            .. Repository.CSharp("src")
                .Where(path => Unfinished().IsMatch(File.ReadAllText(path)))
                .Select(Repository.Relative),
        ];
        Assert.True(open.Length == 0, string.Join(", ", open));
    }

    private static bool IsSilent(string text, string[] contracts) =>
        UnsafeWord().IsMatch(text)
        && s_pointerUses.Any(use => text.Contains(use, StringComparison.Ordinal))
        && !text.Contains("SAFETY:", StringComparison.Ordinal)
        && !text.Contains("<safety>", StringComparison.Ordinal)
        && !contracts.Any(contract => text.Contains(contract, StringComparison.Ordinal));

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeWord();

    [GeneratedRegex(@"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")]
    private static partial Regex Unfinished();
}
