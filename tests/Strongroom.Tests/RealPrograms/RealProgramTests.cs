using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.RealPrograms;

/// <summary>
/// Programs that people use, by the scripts of this folder: same output, same exit status, nothing left behind, and
/// sealed pages in the report.
/// </summary>
[Collection(HeavyTests.Name)]
public class RealProgramTests
{
    private static readonly string s_folder = Path.Combine(Workplace.Sources, "RealPrograms");

    public static TheoryData<string> Scripts =>
        new(Directory.EnumerateFiles(s_folder, "*.sh").Select(path => Path.GetFileNameWithoutExtension(path)).Order());

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Runs_as_without(string name)
    {
        string script = Path.Combine(s_folder, name + ".sh");
        RunLine settings = RunLine.Read(script, "# run:");
        Requirements.Tools([.. settings.List("tools"), "sh"]);
        foreach (string needed in settings.List("needs"))
        {
            Assert.SkipUnless(Path.Exists(needed), $"Not installed: {needed}.");
        }

        Launch launch = new("sh", script)
        {
            LimitSeconds = settings.Number("limit", 120) * (Workplace.Long ? 20 : 1),
            Environment = new Dictionary<string, string>
            {
                ["TARGET_SCALE"] = Workplace.Long ? "10" : "1",
                ["TARGET_CACHE"] = Workplace.Artifacts,
                ["TARGET_WORKLOAD"] = Path.Combine(AppContext.BaseDirectory, "Strongroom.Workload.dll"),
            },
        };
        RunOptions options = new() { Window = settings.Text("window", "8M"), Idle = settings.Text("idle", "100ms") };
        _ = Both.Compare(launch, options, new Expectation
        {
            SameOutput = settings.Text("output", "same") == "same",
            MustSeal = !settings.Has("unsealed"),
        });
    }
}
