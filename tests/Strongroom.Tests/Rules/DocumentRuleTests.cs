using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using Strongroom.Pager;
using Xunit;

namespace Strongroom.Tests.Rules;

/// <summary>The documents say what the code does.</summary>
public partial class DocumentRuleTests
{
    [Fact]
    public void Every_name_in_a_report_is_explained()
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs/report.md"));
        using MemoryStream stream = new();
        RunReportWriter.Write(Sample(), stream);
        stream.Position = 0;
        using JsonDocument json = JsonDocument.Parse(stream);
        string[] names = [.. Names(json.RootElement).Distinct()];
        Assert.Contains("schemaVersion", names);
        Assert.Contains("p99", names);
        foreach (string name in names)
        {
            Assert.Contains($"`{name}`", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_reason_for_clear_memory_is_explained()
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs/report.md"));
        string[] reasons = [.. typeof(ClearReason).GetFields().Select(field => (string)field.GetRawConstantValue()!)];
        Assert.True(reasons.Length > 10, $"Only {reasons.Length} reasons were found.");
        Assert.All(reasons, reason => Assert.Contains($"| `{reason}` |", text, StringComparison.Ordinal));
    }

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        List<string> broken = [];
        IEnumerable<string> documents = Directory.EnumerateFiles(Repository.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories));
        foreach (string document in documents)
        {
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                string target = link.Groups[1].Value.Split('#')[0];
                string path = Path.Combine(Path.GetDirectoryName(document)!, target);
                if (target.Length > 0 && !target.Contains("://", StringComparison.Ordinal) && !Path.Exists(path))
                {
                    broken.Add($"{Repository.Relative(document)}: {target}");
                }
            }
        }

        Assert.True(broken.Count == 0, string.Join("\n", broken));
    }

    [Fact]
    public void Every_promised_number_names_its_command_or_says_pending()
    {
        string[] rows = [.. File.ReadLines(Path.Combine(Repository.Root, "SPECIFICATION.md")).Where(line => line.StartsWith("| ", StringComparison.Ordinal))];
        string[] promises = [.. rows.Where(row => !row.Contains("---", StringComparison.Ordinal) && !row.StartsWith("| What ", StringComparison.Ordinal))];
        Assert.True(promises.Length > 10, $"Only {promises.Length} promises were found.");
        foreach (string row in promises)
        {
            Assert.True(row.Contains('`', StringComparison.Ordinal) || row.Contains("pending", StringComparison.Ordinal), row);
        }
    }

    [Fact]
    public void Every_benchmark_that_a_promise_names_exists()
    {
        string code = string.Concat(Repository.CSharp("benchmarks").Select(File.ReadAllText));
        string[] names =
        [
            .. BenchCommand().Matches(File.ReadAllText(Path.Combine(Repository.Root, "SPECIFICATION.md")))
                .SelectMany(match => match.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(name => !name.StartsWith('-')),
        ];
        Assert.True(names.Length > 5, string.Join(' ', names));
        foreach (string name in names)
        {
            Assert.Contains($"\"{name}\"", code, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_report_reads_back_as_it_was_written()
    {
        using MemoryStream stream = new();
        RunReportWriter.Write(Sample(), stream);
        stream.Position = 0;
        RunReport read = RunReportWriter.Read(stream);
        Assert.Equal(RunReport.CurrentSchemaVersion, read.SchemaVersion);
        Assert.Equal(7, read.Keys[0].PagesSealed);
        Assert.Equal(4096, read.ClearBytesByReason[ClearReason.Shared]);
        Assert.Equal(143, read.ExitStatus);
    }

    private static RunReport Sample() => new()
    {
        Program = "sort",
        Options = new() { WindowBytes = 1 << 20, IdleSeconds = 1, Algorithm = "aes-xts-256", KeyPer = "process" },
        Keys = [new() { KeyId = 1, Algorithm = "aes-xts-256", PagesSealed = 7 }],
        ClearBytesByReason = new Dictionary<string, long> { [ClearReason.Shared] = 4096 },
        ExitStatus = 143,
    };

    private static IEnumerable<string> Names(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in element.EnumerateObject())
            {
                yield return property.Name;
                foreach (string name in Names(property.Value))
                {
                    yield return name;
                }
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (string name in element.EnumerateArray().SelectMany(Names))
            {
                yield return name;
            }
        }
    }

    [GeneratedRegex(@"`[^`]*\./bench ([^`]+)`")]
    private static partial Regex BenchCommand();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
