using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spectre.Console;
using Strongroom.Bench;

List<string> names = [];
string? jsonPath = null;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--list":
            foreach (IBenchmark benchmark in Registry.All)
            {
                Console.WriteLine($"{benchmark.Name,-20} {benchmark.Summary}");
            }

            return 0;
        case "--json" when i + 1 < args.Length:
            jsonPath = args[++i];
            break;
        case ['-', ..]:
            Console.Error.WriteLine($"bench: {args[i]} is not an option; usage: ./bench [NAME...] [--list] [--json FILE]");
            return 2;
        default:
            names.Add(args[i]);
            break;
    }
}

IReadOnlyList<IBenchmark> picked = Registry.Pick(names, out string? unknown);
if (unknown is not null)
{
    Console.Error.WriteLine($"bench: there is no benchmark '{unknown}'; --list shows them.");
    return 2;
}

List<BenchmarkRow> rows = [];
foreach (IBenchmark benchmark in picked)
{
    Console.Error.WriteLine($"bench: {benchmark.Name}: {benchmark.Summary}");
    try
    {
        rows.AddRange(benchmark.Run());
    }
    catch (BenchmarkSkippedException e)
    {
        Console.Error.WriteLine($"bench: {benchmark.Name} skipped: {e.Message}");
    }
}

Print(rows);
if (jsonPath is not null)
{
    BenchmarkJson readable = new(new(BenchmarkJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    File.WriteAllText(jsonPath, JsonSerializer.Serialize(rows, readable.ListBenchmarkRow) + "\n");
}

return rows.Exists(row => row.Met == false) ? 1 : 0;

static void Print(List<BenchmarkRow> rows)
{
    IAnsiConsole console = AnsiConsole.Console;
    if (Console.IsOutputRedirected)
    {
        console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = 160;
    }

    Table table = new Table().Border(TableBorder.Simple).AddColumn("what");
    foreach (string column in (string[])["value", "unit", "baseline", "ratio", "target", "met"])
    {
        _ = table.AddColumn(column, c => c.Alignment = column is "unit" or "target" ? Justify.Left : Justify.Right);
    }

    foreach (BenchmarkRow row in rows)
    {
        _ = table.AddRow(
            Markup.Escape(row.Name),
            Number(row.Value),
            row.Unit,
            row.Baseline is double baseline ? Number(baseline) : string.Empty,
            row.Ratio is double ratio ? ratio.ToString("0.000", CultureInfo.InvariantCulture) : string.Empty,
            row.Target ?? string.Empty,
            row.Met switch { true => "[green]yes[/]", false => "[red]no[/]", null => string.Empty });
    }

    console.Write(table);
}

static string Number(double value) =>
    value.ToString(Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 1 ? "0.00" : "0.0000", CultureInfo.InvariantCulture);
