using System;
using System.Globalization;
using System.IO;
using System.Threading;

namespace Strongroom.Tests.Harness;

/// <summary>Where the repository and its build products lie, and the switches that the tests obey.</summary>
internal static class Workplace
{
    private static int s_runs;

    /// <summary>The root of the repository, found upward from the test program.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Sources of the C programs and of the supervisor.</summary>
    public static string Sources { get; } = Path.Combine(Root, "tests", "Strongroom.Tests");

    /// <summary>Build products of the tests themselves.</summary>
    public static string Artifacts { get; } =
        Directory.CreateDirectory(Path.Combine(Root, "artifacts", "test-programs")).FullName;

    /// <summary>
    /// The command under test, as people call it; STRONGROOM_COMMAND names another.
    /// </summary>
    public static string Command { get; } =
        Environment.GetEnvironmentVariable("STRONGROOM_COMMAND") is { Length: > 0 } named
            ? named
            : Path.Combine(Root, "strongroom");

    /// <summary>STRONGROOM_LONG=1, or ./test --long: sizes and counts for a night instead of a minute.</summary>
    public static bool Long { get; } = IsSet("STRONGROOM_LONG") || IsSet("STRONGROOM_TEST_LONG");

    /// <summary>STRONGROOM_NATIVE_ONLY=1: only checks that the programs are right without a pager.</summary>
    public static bool NativeOnly { get; } = IsSet("STRONGROOM_NATIVE_ONLY");

    /// <summary>The seed of every randomised test: STRONGROOM_SEED, or a new one each run.</summary>
    public static ulong Seed { get; } =
        ulong.TryParse(Environment.GetEnvironmentVariable("STRONGROOM_SEED"), CultureInfo.InvariantCulture, out ulong seed) ? seed
        : (ulong)Environment.TickCount64 ^ ((ulong)Environment.ProcessId << 32);

    /// <summary>Whether an environment variable is set to something other than 0.</summary>
    public static bool IsSet(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } and not "0";

    /// <summary>An empty directory for one run; the caller deletes it.</summary>
    public static string NewRunDirectory(string name) =>
        Directory.CreateDirectory(Path.Combine(
            Artifacts,
            "runs",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{name}-{Environment.ProcessId}-{Interlocked.Increment(ref s_runs)}"))).FullName;

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Strongroom.slnx")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName
            ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} lies in no Strongroom repository.");
    }
}
