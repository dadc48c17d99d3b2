using System.Collections.Generic;

namespace Strongroom.Bench;

/// <summary>1, 10 and 100 processes at once under one pager, the same work in all.</summary>
internal sealed class ProcessesBenchmark : IBenchmark
{
    private const int AllRounds = 20_000;

    /// <inheritdoc/>
    public string Name => "program.processes";

    /// <inheritdoc/>
    public string Summary => "1, 10 and 100 processes at once, the same work in all";

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        string worker = Workbench.CompileC("worker");
        foreach (int count in (int[])[1, 10, 100])
        {
            string script = $"for i in $(seq {count}); do \"$0\" {AllRounds / count} >/dev/null & done; wait";
            PairedRuns runs = Workbench.Pair(["--window", "2G"], ["sh", "-c", script, worker], pairs: 3);
            yield return new($"{Name}, {count}", runs.SealedSeconds, "s", runs.BareSeconds, runs.Ratio);
        }
    }
}
