using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Commands;

/// <summary>strongroom model, as it is typed.</summary>
public class ModelCommandTests
{
    [Theory]
    [InlineData(0, "Every reachable state keeps the invariants.", "explore --lines 1")]
    [InlineData(0, "189,340 states, ", "explore --model Vmas --pages 3 --processes 1 --no-symmetry")]
    [InlineData(0, "5,328 states, ", "explore --model Maps --no-symmetry")]
    [InlineData(0, "5,409 states, ", "explore --model Frames --policy Pools --no-symmetry")]
    [InlineData(1, "Maps:\nTouch page", "explore --lines 1 --mutant SkipDirectMapSync")]
    [InlineData(2, "1-3 pages", "explore --model Vmas --pages 4")]
    [InlineData(2, "2-3 KeyIDs", "explore --model Maps --keyids 4")]
    [InlineData(2, "--model says which", "explore --tla /tmp/ab.tla")]
    [InlineData(0, "66 states, ", "explore --model Caches --lines 1 --keyids 2 --caches 2 --speculation None --no-symmetry")]
    [InlineData(1, "I3: a line is modified under a KeyID that page_ext does not name", "explore --model Caches --mutant SkipFlushOnFree")]
    [InlineData(0, "AllocateAndFree: 3,000 steps", "fuzz --seed 1 --steps 3000")]
    [InlineData(1, "I5: ", "fuzz --seed 1 --policy AllocateAndFree --mutant VmaUnmapKeepsReference")]
    [InlineData(0, "the line is flushed: memory now holds its ciphertext", "tour")]
    [InlineData(2, "1-2 lines", "explore --model Caches --lines 3")]
    [InlineData(2, "/no/such/file", "tour --machine /no/such/file")]
    [InlineData(2, "is no name for one", "explore --model Caches --tla /tmp/a-b.tla")]
    public async Task The_model_answers_with_what_it_found_and_an_exit_status(int status, string sentence, string arguments)
    {
        (int exit, string output) = await Run(arguments);
        Assert.Contains(sentence, output, StringComparison.Ordinal);
        Assert.Equal(status, exit);
    }

    [Fact]
    public async Task The_tour_takes_a_machine_from_a_file()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{ "packages": 2, "cpusPerPackage": 1, "maxKeyIdBits": 3, "maxKeys": 7 }""");
            (int exit, string output) = await Run($"tour --machine {path}");
            Assert.Contains("2 CPUs, 7 KeyIDs beside KeyID 0 in address bits 51:49", output, StringComparison.Ordinal);
            Assert.Equal(0, exit);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_TLA_module_is_written_with_its_configuration()
    {
        string directory = Directory.CreateTempSubdirectory("strongroom-test-").FullName;
        try
        {
            (int exit, string _) = await Run($"explore --model Caches --tla {directory}/aliases.tla");
            Assert.Equal(0, exit);
            Assert.Contains("MODULE aliases", File.ReadAllText(Path.Combine(directory, "aliases.tla")), StringComparison.Ordinal);
            Assert.Contains("INVARIANTS", File.ReadAllText(Path.Combine(directory, "aliases.cfg")), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<(int Exit, string Output)> Run(string arguments)
    {
        ProcessStartInfo start = new(Workplace.Command, "model " + arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await error);
    }
}
