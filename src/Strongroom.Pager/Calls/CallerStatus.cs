using System;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Strongroom.Kernel;
using Strongroom.Keys;

namespace Strongroom.Pager.Calls;

/// <summary>Who makes a call, from /proc/TID/status; proc_pid_status(5).</summary>
/// <param name="ProcessId">Its process.</param>
/// <param name="Caller">Its credentials.</param>
/// <param name="FilterCount">How many seccomp filters it is behind.</param>
internal readonly record struct CallerStatus(int ProcessId, KeyCaller Caller, int FilterCount)
{
    private const int CAP_SYS_ADMIN = 21;
    private const int CAP_SYS_RESOURCE = 24;
    private const int UsualBytes = 4096;
    private const int MostBytes = 1 << 20;

    /// <summary>Reads it.</summary>
    /// <returns>False when the thread is gone.</returns>
    internal static bool TryRead(int threadId, out CallerStatus status)
    {
        status = default;
        using OwnedDescriptor? file = OwnedDescriptor.TryOpen($"/proc/{threadId}/status", 0, out _);
        Span<byte> bytes = stackalloc byte[UsualBytes];
        int length = file?.ReadAt(bytes, 0) ?? 0;
        if (length == bytes.Length)
        {
            bytes = new byte[MostBytes]; // tens of thousands of groups
            length = file!.ReadAt(bytes, 0);
        }

        ReadOnlySpan<byte> text = bytes[..Math.Max(length, 0)];
        if (Words(text, "Tgid:") is not [string process] || Words(text, "CapEff:") is not [string effective]
            || Words(text, "Uid:") is not [_, _, _, string uid] || Words(text, "Gid:") is not [_, _, _, string gid])
        {
            return false;
        }

        string[] groups = Words(text, "Groups:");
        ImmutableArray<uint>.Builder list = ImmutableArray.CreateBuilder<uint>(groups.Length);
        foreach (string group in groups)
        {
            list.Add(uint.Parse(group, CultureInfo.InvariantCulture));
        }

        ulong mask = ulong.Parse(effective, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        KeyCapabilities capabilities = (((mask >> CAP_SYS_ADMIN) & 1) != 0 ? KeyCapabilities.SysAdmin : 0)
            | (((mask >> CAP_SYS_RESOURCE) & 1) != 0 ? KeyCapabilities.SysResource : 0);
        int processId = int.Parse(process, CultureInfo.InvariantCulture);
        string[] filters = Words(text, "Seccomp_filters:");
        status = new(
            processId,
            new(
                processId,
                threadId,
                uint.Parse(uid, CultureInfo.InvariantCulture), // the last of real, effective, saved and file-system id
                uint.Parse(gid, CultureInfo.InvariantCulture),
                list.ToImmutable(),
                capabilities),
            filters.Length > 0 ? int.Parse(filters[0], CultureInfo.InvariantCulture) : 0);
        return true;
    }

    private static string[] Words(ReadOnlySpan<byte> text, string name)
    {
        int at = text.IndexOf(Encoding.ASCII.GetBytes("\n" + name));
        if (at < 0)
        {
            return [];
        }

        ReadOnlySpan<byte> rest = text[(at + 1 + name.Length)..];
        int end = rest.IndexOf((byte)'\n');
        return Encoding.ASCII.GetString(end < 0 ? rest : rest[..end])
            .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
    }
}
