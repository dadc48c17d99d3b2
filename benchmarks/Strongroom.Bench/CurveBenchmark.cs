using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace Strongroom.Bench;

/// <summary>Slowdown and time in clear over the window, for a working set of 512 MiB.</summary>
/// <remarks>Also draws the curve, in the directory of the build's artifacts: bench-work/curve.svg.</remarks>
internal sealed class CurveBenchmark : IBenchmark
{
    private const int WorkingSetMebibytes = 512;
    private const string WarmSeconds = "4";
    private const string MeasuredSeconds = "3";
    private static readonly int[] s_windows = [4, 16, 64, 128, 256, 384, 512, 1024];
    private static readonly string[] s_patterns = ["uniform", "zipf", "sequential"];

    /// <inheritdoc/>
    public string Name => "curve";

    /// <inheritdoc/>
    public string Summary => "slowdown and time in clear over the window; a working set of 512 MiB";

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        string program = CompileWithMath();
        List<CurvePoint> points = [];
        foreach (string pattern in s_patterns)
        {
            string[] command = [program, $"{WorkingSetMebibytes}", pattern, WarmSeconds, MeasuredSeconds];
            double bare = Workbench.Median([StepsPerSecond(Workbench.Run(command)), StepsPerSecond(Workbench.Run(command))]);
            foreach (int window in s_windows)
            {
                CommandRun run = Workbench.RunSealed(["--window", $"{window}M", "--idle", "1s"], command);
                double steps = StepsPerSecond(run);
                points.Add(new(pattern, window, bare / steps, run.Report!.TimeInClear));
                yield return new($"curve {pattern}, window {window} MiB, slowdown", steps / 1000, "k steps/s", bare / 1000, bare / steps);
                yield return new($"curve {pattern}, window {window} MiB, time in clear", run.Report.TimeInClear * 100, "%");
            }
        }

        File.WriteAllText(Workbench.At("curve.svg"), CurveDrawing.Draw(points));
    }

    private static string CompileWithMath()
    {
        string program = Workbench.At("access");
        string source = Path.Combine(
            Environment.GetEnvironmentVariable("STRONGROOM_ROOT")!, "benchmarks", "Strongroom.Bench", "Programs", "access.c");
        _ = Workbench.Run(["gcc", "-O2", "-Wall", "-o", program, source, "-lm"]);
        return program;
    }

    private static double StepsPerSecond(CommandRun run) => double.Parse(run.Output.Split(' ')[0], CultureInfo.InvariantCulture);
}

/// <summary>One point of the curve.</summary>
/// <param name="Pattern">The order of accesses.</param>
/// <param name="WindowMebibytes">The window.</param>
/// <param name="Slowdown">Time over the time without Strongroom.</param>
/// <param name="TimeInClear">Clear page-seconds over all page-seconds.</param>
internal sealed record CurvePoint(string Pattern, int WindowMebibytes, double Slowdown, double TimeInClear);

/// <summary>Draws the curve as SVG: the window to the right, the slowdown up, both logarithmic.</summary>
internal static class CurveDrawing
{
    private const int Width = 640;
    private const int Height = 400;
    private const int Margin = 60;
    private static readonly string[] s_colours = ["#c0392b", "#2471a3", "#1e8449"];

    /// <summary>Draws points; those of a pattern follow each other.</summary>
    internal static string Draw(IReadOnlyList<CurvePoint> points)
    {
        double highest = 2;
        foreach (CurvePoint point in points)
        {
            highest = Math.Max(highest, point.Slowdown);
        }

        StringBuilder svg = new();
        _ = svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" font-family="sans-serif" font-size="12">
            <rect width="{Width}" height="{Height}" fill="white"/>
            <text x="{Width / 2}" y="{Height - 12}" text-anchor="middle">window, MiB (working set 512 MiB)</text>
            <text x="16" y="{Height / 2}" text-anchor="middle" transform="rotate(-90 16 {Height / 2})">slowdown, times</text>

            """);
        for (double line = 1; line <= highest * 1.01; line *= 10)
        {
            double y = Up(line, highest);
            _ = svg.Append(CultureInfo.InvariantCulture, $"""<path d="M{Margin} {y:0.0}H{Width - Margin}" stroke="#ccc"/><text x="{Margin - 6}" y="{y + 4:0.0}" text-anchor="end">{line}</text>""").Append('\n');
        }

        int series = -1;
        string pattern = string.Empty;
        StringBuilder path = new();
        foreach (CurvePoint point in points)
        {
            if (point.Pattern != pattern)
            {
                Close(svg, path, series);
                series++;
                pattern = point.Pattern;
                _ = svg.Append(CultureInfo.InvariantCulture, $"""<text x="{Width - Margin - 80}" y="{Margin + (series * 16)}" fill="{s_colours[series % 3]}">{pattern}</text>""").Append('\n');
            }

            double x = Right(point.WindowMebibytes);
            double y = Up(point.Slowdown, highest);
            _ = path.Append(CultureInfo.InvariantCulture, $"{(path.Length == 0 ? 'M' : 'L')}{x:0.0} {y:0.0}");
            _ = svg.Append(CultureInfo.InvariantCulture, $"""<circle cx="{x:0.0}" cy="{y:0.0}" r="3" fill="{s_colours[series % 3]}"><title>{pattern}, {point.WindowMebibytes} MiB: {point.Slowdown:0.00} times, {point.TimeInClear * 100:0.0} % of the time in clear</title></circle>""").Append('\n');
            if (series == 0)
            {
                _ = svg.Append(CultureInfo.InvariantCulture, $"""<text x="{x:0.0}" y="{Height - Margin + 18}" text-anchor="middle">{point.WindowMebibytes}</text>""").Append('\n');
            }
        }

        Close(svg, path, series);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Close(StringBuilder svg, StringBuilder path, int series)
    {
        if (path.Length > 0)
        {
            _ = svg.Append(CultureInfo.InvariantCulture, $"""<path d="{path}" fill="none" stroke="{s_colours[series % 3]}" stroke-width="2"/>""").Append('\n');
            _ = path.Clear();
        }
    }

    private static double Right(double window) => Margin + (Math.Log2(window / 4) / Math.Log2(256) * (Width - (2 * Margin)));

    private static double Up(double slowdown, double highest) =>
        Height - Margin - (Math.Log10(Math.Max(slowdown, 1)) / Math.Log10(highest * 1.1) * (Height - (2 * Margin)));
}
