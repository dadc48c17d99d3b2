using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Strongroom.Cli;

/// <summary>The program's arguments and environment as the bytes that the kernel holds.</summary>
/// <remarks>The strings of .NET have lost what was not UTF-8 in them.</remarks>
internal static class ProgramArguments
{
    private const string RenamedPrefix = "STRONGROOM_ENV_";
    private const string DiagnosticsSwitch = "DOTNET_EnableDiagnostics=";

    /// <summary>Gets the last arguments of this process.</summary>
    /// <param name="count">How many.</param>
    /// <exception cref="IOException">The kernel's copy has fewer: something changed it.</exception>
    internal static IReadOnlyList<byte[]> Last(int count)
    {
        List<byte[]> all = Split(File.ReadAllBytes("/proc/self/cmdline"));
        return all.Count >= count
            ? all.GetRange(all.Count - count, count)
            : throw new IOException($"/proc/self/cmdline holds {all.Count} arguments, fewer than the {count} of the program.");
    }

    /// <summary>Gets the environment that the program is to have: the one that the launcher was called with.</summary>
    internal static IReadOnlyList<byte[]> ProgramEnvironment() =>
        Restore(Split(File.ReadAllBytes("/proc/self/environ")));

    /// <summary>Undoes what the launcher does to the environment.</summary>
    /// <param name="environment">The environment of this process.</param>
    /// <remarks>
    /// The launcher renames the settings of .NET from X to STRONGROOM_ENV_X, because they are meant for the program, and sets
    /// DOTNET_EnableDiagnostics for this process. Both go, and so does the launcher's own variable.
    /// </remarks>
    internal static IReadOnlyList<byte[]> Restore(IReadOnlyList<byte[]> environment)
    {
        bool launched = false;
        foreach (byte[] entry in environment)
        {
            launched |= StartsWith(entry, NofileVariable + "=");
        }

        List<byte[]> restored = new(environment.Count);
        foreach (byte[] entry in environment)
        {
            if (StartsWith(entry, RenamedPrefix))
            {
                restored.Add(entry[RenamedPrefix.Length..]);
            }
            else if (!StartsWith(entry, NofileVariable + "=") && !(launched && StartsWith(entry, DiagnosticsSwitch)))
            {
                restored.Add(entry);
            }
        }

        return restored;
    }

    /// <summary>The variable in which the launcher passes its caller's soft limit of open files.</summary>
    internal const string NofileVariable = "STRONGROOM_NOFILE_SOFT";

    /// <summary>Gets the value of a variable, or null.</summary>
    internal static byte[]? Find(IReadOnlyList<byte[]> environment, string name)
    {
        foreach (byte[] entry in environment)
        {
            if (StartsWith(entry, name + "="))
            {
                return entry[(name.Length + 1)..];
            }
        }

        return null;
    }

    /// <summary>Splits the kernel's form of a vector: each string ends in a NUL.</summary>
    internal static List<byte[]> Split(byte[] text)
    {
        List<byte[]> strings = [];
        int start = 0;
        while (start < text.Length)
        {
            int end = Array.IndexOf(text, (byte)0, start);
            end = end < 0 ? text.Length : end;
            strings.Add(text[start..end]);
            start = end + 1;
        }

        return strings;
    }

    private static bool StartsWith(byte[] entry, string prefix) =>
        entry.AsSpan().StartsWith(Encoding.ASCII.GetBytes(prefix));
}
