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

    /// <summary>Reads it.</summary>
    /// <returns>False when the thread is gone.</returns>
    internal static bool TryRead(int threadId, out CallerStatus status)
    {
        status = default;
        using OwnedDescriptor? file = OwnedDescriptor.TryOpen($"/proc/{threadId}/status", 0, out _);
        Span<byte> bytes = stackalloc byte[8192];
        int length = file?.ReadAt(bytes, 0) ?? 0;
        if (length <= 0)
        {
            return false;
        }

        ReadOnlySpan<byte> text = bytes[..length];
        string[] groups = Words(text, "Groups:");
        ImmutableArray<uint>.Builder list = ImmutableArray.CreateBuilder<uint>(groups.Length);
        foreach (string group in groups)
        {
            list.Add(uint.Parse(group, CultureInfo.InvariantCulture));
        }

        ulong effective = ulong.Parse(Words(text, "CapEff:")[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        KeyCapabilities capabilities = (((effective >> CAP_SYS_ADMIN) & 1) != 0 ? KeyCapabilities.SysAdmin : 0)
            | (((effective >> CAP_SYS_RESOURCE) & 1) != 0 ? KeyCapabilities.SysResource : 0);
        int process = int.Parse(Words(text, "Tgid:")[0], CultureInfo.InvariantCulture);
        string[] filters = Words(text, "Seccomp_filters:");
        status = new(
            process,
            new(process, threadId, FileSystemId(text, "Uid:"), FileSystemId(text, "Gid:"), list.ToImmutable(), capabilities),
            filters.Length > 0 ? int.Parse(filters[0], CultureInfo.InvariantCulture) : 0);
        return true;
    }

    // Real, effective, saved and file-system id.
    private static uint FileSystemId(ReadOnlySpan<byte> text, string name) =>
        uint.Parse(Words(text, name)[3], CultureInfo.InvariantCulture);

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
