using System;
using System.IO;
using System.Linq;
using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>What a test needs from the machine. A lack is a loud skip, or a failure under STRONGROOM_REQUIRE_KERNEL=1.</summary>
internal static class Requirements
{
    private static readonly Lazy<Outcome> s_check = new(
        // The first use builds the command.
        () => Supervised.Run(new Launch(Workplace.Command, "check") { LimitSeconds = 600 }));

    /// <summary>Skips unless <c>strongroom run</c> can work here.</summary>
    public static void Pager()
    {
        Assert.SkipWhen(Workplace.NativeOnly, "STRONGROOM_NATIVE_ONLY is set: only the native side ran.");
        Outcome check = s_check.Value;
        Need(check.ExitStatus == 0, $"strongroom check says that run cannot work here:\n{check}");
    }

    /// <summary>Skips unless the tests run as root.</summary>
    public static void Root() => Need(Environment.IsPrivilegedProcess, "This test needs root.");

    /// <summary>Skips unless all of these programs are installed.</summary>
    public static void Tools(params string[] names)
    {
        string[] missing = [.. names.Where(name => FindTool(name) is null)];
        Assert.SkipUnless(missing.Length == 0, $"Not installed: {string.Join(", ", missing)}.");
    }

    /// <summary>Path of an installed program, or null.</summary>
    public static string? FindTool(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/sbin", "/sbin"])
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    private static void Need(bool condition, string reason)
    {
        if (Workplace.IsSet("STRONGROOM_REQUIRE_KERNEL"))
        {
            Assert.True(condition, reason);
        }

        Assert.SkipUnless(condition, reason);
    }
}
