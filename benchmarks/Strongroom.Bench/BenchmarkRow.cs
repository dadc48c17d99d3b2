using System.Collections.Generic;
using System.Text.Json.Serialization;

namespace Strongroom.Bench;

/// <summary>One measured figure.</summary>
/// <param name="Name">What was measured: the benchmark's name and what distinguishes the row.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Baseline">The same work without Strongroom, in the same unit; null where there is no such thing.</param>
/// <param name="Ratio">The median of the ratios of paired runs, value to baseline; not the ratio of the medians.</param>
/// <param name="Target">The promise about the ratio, or about the value where there is no ratio; null for a figure that is only published.</param>
/// <param name="Met">Whether the promise was kept.</param>
internal sealed record BenchmarkRow(
    string Name, double Value, string Unit, double? Baseline = null, double? Ratio = null, string? Target = null, bool? Met = null)
{
    /// <summary>Makes a row whose ratio must not pass a limit.</summary>
    internal static BenchmarkRow AtMost(string name, double value, string unit, double baseline, double ratio, double limit) =>
        new(name, value, unit, baseline, ratio, $"ratio <= {limit}", ratio <= limit);
}

/// <summary>Something that can be measured by name.</summary>
internal interface IBenchmark
{
    /// <summary>Gets the name; dots group names.</summary>
    public string Name { get; }

    /// <summary>Gets what it measures, in one line.</summary>
    public string Summary { get; }

    /// <summary>Measures.</summary>
    /// <exception cref="BenchmarkSkippedException">Something that it needs is not there.</exception>
    public IEnumerable<BenchmarkRow> Run();
}

/// <summary>A benchmark that cannot run here.</summary>
/// <param name="reason">Why, in a few words.</param>
internal sealed class BenchmarkSkippedException(string reason) : System.Exception(reason);

/// <summary>The generated serializer of results.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<BenchmarkRow>))]
internal sealed partial class BenchmarkJson : JsonSerializerContext;
