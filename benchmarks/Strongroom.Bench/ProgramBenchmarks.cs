using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

namespace Strongroom.Bench;

/// <summary>A whole program whose working set fits the window, against itself without Strongroom.</summary>
/// <param name="name">The benchmark's name.</param>
/// <param name="summary">What it measures.</param>
/// <param name="limit">The largest ratio that is promised; 0 for a figure that is only published.</param>
/// <param name="pairs">How many pairs of runs.</param>
/// <param name="prepare">Makes the input and names the command.</param>
/// <param name="idle">What --idle is; 1s as without it.</param>
internal sealed class ProgramBenchmark(
    string name, string summary, double limit, int pairs, Func<ProgramBenchmark.Work> prepare, string idle = "1s") : IBenchmark
{
    /// <summary>A command and what it needs before each run.</summary>
    /// <param name="Command">The command.</param>
    /// <param name="BeforeEach">What to do before each run; null for nothing.</param>
    internal sealed record Work(IReadOnlyList<string> Command, Action? BeforeEach = null);

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Summary => summary;

    /// <inheritdoc/>
    public IEnumerable<BenchmarkRow> Run()
    {
        Work work = prepare();
        PairedRuns runs = Workbench.Pair(["--window", "4G", "--idle", idle], work.Command, pairs, work.BeforeEach);
        yield return limit > 0
            ? BenchmarkRow.AtMost(name, runs.SealedSeconds, "s", runs.BareSeconds, runs.Ratio, limit)
            : new(name, runs.SealedSeconds, "s", runs.BareSeconds, runs.Ratio);
        yield return new(name + ", time in clear", runs.Report.TimeInClear * 100, "%");
    }
}

/// <summary>The programs.</summary>
internal static class ProgramBenchmarks
{
    private const string Sources = "/usr/src";

    /// <summary>Gets all of them.</summary>
    internal static IEnumerable<IBenchmark> All() =>
    [
        new ProgramBenchmark("program.start", "a command that does nothing", 0, 15, () => new(["true"])),
        new ProgramBenchmark("program.sort", "sort of 16 million lines, 512 MiB", 1.02, 5, () => new(Sort())),
        new ProgramBenchmark("program.sort-kept", "the same with --idle 60s: nothing is sealed for being idle", 1.02, 3, () => new(Sort()), "60s"),
        new ProgramBenchmark("program.xz", "xz -T2 -1 of 4 million lines, 128 MiB", 1.02, 5, () => new(["xz", "-T2", "-1", "-k", "-c", Text(millions: 4)])),
        new ProgramBenchmark("program.compile", "gcc -O2 of a file of 1600 functions", 1.02, 5, () => new(Compile())),
        new ProgramBenchmark("program.compile-kept", "the same with --idle 60s: nothing is sealed for being idle", 1.02, 3, () => new(Compile()), "60s"),
        new PiecesBenchmark(
            "program.make", "make -j2 of the smallest Linux kernel, from the distribution's source package", 1.036, 3, MakeLinux),
        new ProgramBenchmark("program.make-binutils", "the same of binutils with its configure scripts: three times as many processes", 0, 3, MakeBinutils),
        new ProgramBenchmark(
            "program.allocate", "map, touch and unmap 64 MiB, 256 times", 1.05, 5, () => new([Workbench.CompileC("allocate")])),
        new ProgramBenchmark(
            "program.malloc", "malloc, touch and free of mixed sizes", 1.05, 5, () => new([Workbench.CompileC("malloc")])),
    ];

    private static string[] Sort()
    {
        Workbench.Need("sort");
        return ["sort", "-S", "3G", "--parallel=2", "-o", "/dev/null", Text(millions: 16)];
    }

    // Lines of random hexadecimal digits: the same on every machine, and neither trivial nor impossible to compress.
    private static string Text(int millions)
    {
        string path = Workbench.At($"text{millions}");
        int lines = millions << 20;
        if (!File.Exists(path) || new FileInfo(path).Length != lines * 32L)
        {
            Random random = new(1);
            using StreamWriter writer = new(path, append: false, Encoding.ASCII, 1 << 20);
            for (int i = 0; i < lines; i++)
            {
                writer.Write(random.NextInt64().ToString("x16", CultureInfo.InvariantCulture));
                writer.Write(" line ");
                writer.Write((i % 1_000_000_000).ToString("d9", CultureInfo.InvariantCulture));
                writer.Write('\n');
            }
        }

        return path;
    }

    private static string[] Compile()
    {
        Workbench.Need("gcc");
        string path = Workbench.At("many.c");
        StringBuilder source = new("#include <stdint.h>\n#include <string.h>\n");
        for (int i = 0; i < 1600; i++)
        {
            _ = source.Append(CultureInfo.InvariantCulture, $$"""
                uint32_t f{{i}}(const uint8_t *p, uint32_t n) {
                    uint32_t h = {{i * 2654435761L % 4294967291L}}u;
                    for (uint32_t i = 0; i < n; i++) { h ^= p[i]; h *= {{(i * 2) + 3}}u; if (h & {{i + 1}}u) h = (h << 5) | (h >> 27); }
                    switch (h % 7) { case 0: return h + {{i}}; case 1: return h ^ n; case 2: return h * n; default: return h - p[0]; }
                }

                """);
        }

        File.WriteAllText(path, source.ToString());
        return ["gcc", "-O2", "-c", "-o", "/dev/null", path];
    }

    // What the published figures of memory encryption are about.
    private static string[] MakeLinux(string place)
    {
        string tree = Unpack(Sources, "linux-source-", ["make", "gcc", "flex", "bison", "bc"]);
        string build = Workbench.At(place);
        Empty(build);
        string make = $"make -s -j2 -C {tree} O={build} ";
        _ = Workbench.Run(["sh", "-c", make + "tinyconfig && " + make + "prepare"]);
        string[] targets = ["arch/x86/", "kernel/", "mm/", "fs/", "drivers/", "lib/", "vmlinux"];
        return [.. targets.Select(target => make + target)];
    }

    // All of it, with the configuring of its parts: thousands of short processes, and some minutes of compilers.
    private static ProgramBenchmark.Work MakeBinutils()
    {
        string tree = Unpack(Sources + "/binutils", "binutils-", ["make", "gcc", "flex", "bison"]);
        string build = Workbench.At("make");
        return new(["make", "-C", build, "-j2"], () =>
        {
            Empty(build);
            _ = Workbench.Run(["sh", "-c", "cd make && \"$0\" CFLAGS=-O2 --disable-gdb --disable-gprofng --disable-nls --disable-werror", $"{tree}/configure"]);
        });
    }

    private static void Empty(string directory)
    {
        _ = Workbench.Run(["rm", "-rf", directory]);
        _ = Workbench.Run(["mkdir", directory]);
    }

    // The sources of a package of the distribution, unpacked once.
    private static string Unpack(string directory, string prefix, IReadOnlyList<string> tools)
    {
        foreach (string tool in tools)
        {
            Workbench.Need(tool);
        }

        string? packed = Directory.Exists(directory) ? Directory.EnumerateFiles(directory, prefix + "*.tar.xz").Max() : null;
        if (packed is null)
        {
            throw new BenchmarkSkippedException($"no {prefix}*.tar.xz in {directory}: install the package of the sources");
        }

        string tree = Workbench.At(Path.GetFileName(packed)[..^".tar.xz".Length]);
        if (!Directory.Exists(tree))
        {
            _ = Workbench.Run(["tar", "-xf", packed, "-C", Workbench.Directory]);
        }

        return tree;
    }
}
