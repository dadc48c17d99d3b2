using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Strongroom.Tests.Harness;

/// <summary>The line near the top of a program that says how to run it: words, and keys with values.</summary>
internal sealed class RunLine
{
    private const int LinesSearched = 8;
    private readonly Dictionary<string, string> _settings;

    private RunLine(Dictionary<string, string> settings)
    {
        _settings = settings;
    }

    /// <summary>Reads the first line that begins with a mark; without one every setting has its default.</summary>
    public static RunLine Read(string source, string mark)
    {
        string? line = File.ReadLines(source)
            .Take(LinesSearched)
            .FirstOrDefault(l => l.StartsWith(mark, StringComparison.Ordinal));
        return new RunLine((line?[mark.Length..] ?? string.Empty)
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair.Length > 1 ? pair[1] : string.Empty));
    }

    /// <summary>A setting as text.</summary>
    public string Text(string key, string fallback) => _settings.GetValueOrDefault(key, fallback);

    /// <summary>A setting as a list separated by commas.</summary>
    public string[] List(string key) => Text(key, string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A setting as a number.</summary>
    public int Number(string key, int fallback) =>
        _settings.TryGetValue(key, out string? text) ? int.Parse(text, CultureInfo.InvariantCulture) : fallback;

    /// <summary>Whether the line has a word.</summary>
    public bool Has(string word) => _settings.ContainsKey(word);
}
