using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using Strongroom.Kernel;
using Strongroom.Pager.Calls;

namespace Strongroom.Cli.Control;

/// <summary>Asks running pagers.</summary>
internal static class PagerClient
{
    /// <summary>Finds the pager that a process belongs to: the process of the thread that traces it.</summary>
    /// <returns>One process id, or none.</returns>
    internal static IReadOnlyList<int> PagerOf(int pid)
    {
        int tracer = Field(pid, "TracerPid:");
        int pager = tracer > 0 ? Field(tracer, "Tgid:") : 0;
        return pager > 0 && Listeners().Contains(CallService.SocketName(pager)) ? [pager] : [];
    }

    /// <summary>Finds every pager that listens in this network namespace.</summary>
    internal static IReadOnlyList<int> AllPagers()
    {
        string prefix = CallService.SocketName(0)[..^1];
        List<int> pagers = [];
        foreach (string name in Listeners())
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal)
                && int.TryParse(name[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int pager))
            {
                pagers.Add(pager);
            }
        }

        pagers.Sort();
        return pagers;
    }

    /// <summary>Asks a pager.</summary>
    /// <param name="pager">Its process.</param>
    /// <param name="question">The question.</param>
    /// <param name="rows">The answer's lines and their fields.</param>
    /// <returns>False when it does not answer.</returns>
    internal static bool TryAsk(int pager, string question, out IReadOnlyList<string[]> rows)
    {
        List<string[]> found = [];
        rows = found;
        using ControlSocket? socket = ControlSocket.TryConnect(CallService.SocketName(pager));
        if (socket is null || !socket.Send(Encoding.ASCII.GetBytes(question)))
        {
            return false;
        }

        byte[] packet = new byte[64 << 10];
        int length;
        while ((length = socket.Receive(packet)) > 0)
        {
            foreach (string line in Encoding.UTF8.GetString(packet, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                found.Add(line.Split('\t'));
            }
        }

        return length == 0;
    }

    private static HashSet<string> Listeners()
    {
        HashSet<string> names = [];
        foreach (string line in File.ReadLines("/proc/net/unix"))
        {
            int at = line.IndexOf(" @", StringComparison.Ordinal);
            if (at >= 0)
            {
                _ = names.Add(line[(at + 2)..]);
            }
        }

        return names;
    }

    private static int Field(int pid, string name)
    {
        try
        {
            foreach (string line in File.ReadLines($"/proc/{pid}/status"))
            {
                if (line.StartsWith(name, StringComparison.Ordinal))
                {
                    return int.Parse(line[name.Length..], NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
                }
            }
        }
        catch (IOException)
        {
            // There is no such process.
        }

        return 0;
    }
}
