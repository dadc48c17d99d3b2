using System;
using System.Collections.Generic;
using System.Linq;

namespace Strongroom.Bench;

/// <summary>Every benchmark, in the order in which they run.</summary>
internal static class Registry
{
    /// <summary>Gets all of them.</summary>
    internal static IReadOnlyList<IBenchmark> All { get; } =
    [
        .. CryptoBenchmarks.All(),
        new FaultBenchmark(),
        new ColdBenchmark(),
        .. ProgramBenchmarks.All(),
        new ProcessesBenchmark(),
        new KeysBenchmark(),
        new CurveBenchmark(),
        .. ModelBenchmarks.All(),
    ];

    /// <summary>Picks benchmarks by name or by the first part of one.</summary>
    /// <param name="names">The names; none picks all.</param>
    /// <param name="unknown">The first name that fits nothing, or null.</param>
    internal static IReadOnlyList<IBenchmark> Pick(IReadOnlyList<string> names, out string? unknown)
    {
        unknown = names.FirstOrDefault(name => !All.Any(benchmark => Fits(benchmark, name)));
        return names.Count == 0 ? All : [.. All.Where(benchmark => names.Any(name => Fits(benchmark, name)))];
    }

    private static bool Fits(IBenchmark benchmark, string name) =>
        benchmark.Name == name || benchmark.Name.StartsWith(name + ".", StringComparison.Ordinal);
}
