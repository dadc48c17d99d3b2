using System;
using System.Diagnostics;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Commands;

/// <summary>What `strongroom check` says about the encryption engine.</summary>
public class EngineCommandTests
{
    [Fact]
    public void Check_names_the_backend_and_its_measured_speed() =>
        Assert.Matches(@"^[a-z0-9]+ does [0-9]+\.[0-9]{2} GB/s of AES-256-XTS", Reason(refuse: false));

    [Fact]
    public void Where_executable_memory_is_refused_check_names_what_is_used_instead_and_why()
    {
        string free = Reason(refuse: false);
        Assert.SkipUnless(
            free.StartsWith("vaes", StringComparison.Ordinal), $"The engine has no use for executable memory here: {free}.");
        string refused = Reason(refuse: true);
        Assert.StartsWith("aesni does ", refused, StringComparison.Ordinal);
        string backend = free[..free.IndexOf(' ', StringComparison.Ordinal)];
        Assert.Contains($"; not {backend}, executable memory is refused: Permission denied", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_executable_memory_is_refused_a_forced_backend_that_needs_it_fails_with_the_reason()
    {
        string free = Reason(refuse: false);
        Assert.SkipUnless(
            free.StartsWith("vaes", StringComparison.Ordinal), $"The engine has no use for executable memory here: {free}.");
        string backend = free[..free.IndexOf(' ', StringComparison.Ordinal)];
        string refused = Reason(refuse: true, backend);
        Assert.StartsWith("No AES-XTS backend can be used: ", refused, StringComparison.Ordinal);
        Assert.Contains($"{backend}: executable memory is refused: Permission denied", refused, StringComparison.Ordinal);
    }

    private static string Reason(bool refuse, string? backend = null)
    {
        string[] command = [Workplace.Command, "check", "--json"];
        if (refuse)
        {
            command = [CProgram.Target("refuse_executable").Executable, .. command];
        }

        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["STRONGROOM_XTS_BACKEND"] = backend;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)), "check did not end.");
        Assert.Equal(string.Empty, error.Result);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement engine = json.RootElement.GetProperty("requirements").EnumerateArray()
            .Single(r => r.GetProperty("name").GetString() == "AES engine");
        return engine.GetProperty("reason").GetString()!;
    }
}
