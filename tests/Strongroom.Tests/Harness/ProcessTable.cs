using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;

namespace Strongroom.Tests.Harness;

/// <summary>Processes as /proc shows them, and signals to them.</summary>
internal static partial class ProcessTable
{
    public const int Sigint = 2;
    public const int Sigkill = 9;
    public const int Sigterm = 15;
    public const int Sigcont = 18;
    public const int Sigstop = 19;

    /// <summary>Sends a signal; a process that is gone already is not an error.</summary>
    public static void Signal(int pid, int signal) => _ = Kill(pid, signal);

    /// <summary>The living children of a process, of all its threads, zombies included.</summary>
    public static IReadOnlyList<int> Children(int pid) =>
        [.. Snapshot().Where(p => p.Parent == pid).Select(p => p.Id)];

    /// <summary>The living descendants of a process, without zombies.</summary>
    public static IReadOnlyList<int> Descendants(int pid)
    {
        List<Entry> all = Snapshot();
        HashSet<int> tree = [pid];
        while (all.Any(p => tree.Contains(p.Parent) && tree.Add(p.Id)))
        {
            // Each pass finds one more generation at least.
        }

        return [.. all.Where(p => p.Id != pid && tree.Contains(p.Id) && p.State is not ('Z' or 'X')).Select(p => p.Id)];
    }

    /// <summary>The descendants of a process that run a program of this name (the kernel keeps 15 characters).</summary>
    public static IReadOnlyList<int> DescendantsNamed(int pid, string name)
    {
        string kept = name.Length > 15 ? name[..15] : name;
        return [.. Descendants(pid).Where(id => Name(id) == kept)];
    }

    /// <summary>The name of a process, or nothing if it is gone.</summary>
    public static string Name(int pid) => ReadOrEmpty($"/proc/{pid}/comm").TrimEnd('\n');

    /// <summary>What counts against a process's RLIMIT_DATA, in bytes.</summary>
    public static long DataBytes(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/status").First(each => each.StartsWith("VmData:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }

    /// <summary>Whether a process exists and is no zombie.</summary>
    public static bool IsAlive(int pid) =>
        Snapshot().Any(p => p.Id == pid && p.State is not ('Z' or 'X'));

    private static List<Entry> Snapshot()
    {
        List<Entry> entries = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out int pid))
            {
                continue;
            }

            string stat = ReadOrEmpty($"/proc/{pid}/stat");
            int end = stat.LastIndexOf(')');
            if (end > 0 && stat[(end + 2)..].Split(' ') is [{ Length: 1 } state, { } parent, ..])
            {
                entries.Add(new Entry(pid, int.Parse(parent, CultureInfo.InvariantCulture), state[0]));
            }
        }

        return entries;
    }

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return string.Empty;    // The process ended between two looks.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    private readonly record struct Entry(int Id, int Parent, char State);
}
