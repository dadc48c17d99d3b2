using System;
using System.Collections.Immutable;

namespace Strongroom.Keys;

/// <summary>The capabilities that the key service looks at; capabilities(7).</summary>
[Flags]
public enum KeyCapabilities
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary>CAP_SYS_ADMIN.</summary>
    SysAdmin = 1,

    /// <summary>CAP_SYS_RESOURCE, all that making a memory key needs.</summary>
    SysResource = 2,
}

/// <summary>Who makes a call to the key service.</summary>
public readonly struct KeyCaller
{
    /// <summary>Describes a caller.</summary>
    /// <param name="processId">The process, as the implementation of <see cref="IKeyrings"/> knows it.</param>
    /// <param name="threadId">The thread, likewise.</param>
    /// <param name="fsUid">The user that permissions are checked for.</param>
    /// <param name="fsGid">The group that permissions are checked for.</param>
    /// <param name="groups">Supplementary groups; default for none.</param>
    /// <param name="capabilities">Effective capabilities.</param>
    public KeyCaller(
        int processId,
        int threadId,
        uint fsUid,
        uint fsGid,
        ImmutableArray<uint> groups = default,
        KeyCapabilities capabilities = KeyCapabilities.None)
    {
        ProcessId = processId;
        ThreadId = threadId;
        FsUid = fsUid;
        FsGid = fsGid;
        Groups = groups.IsDefault ? [] : groups;
        Capabilities = capabilities;
    }

    /// <summary>Gets the process.</summary>
    public int ProcessId { get; }

    /// <summary>Gets the thread.</summary>
    public int ThreadId { get; }

    /// <summary>Gets the user that permissions are checked for.</summary>
    public uint FsUid { get; }

    /// <summary>Gets the group that permissions are checked for.</summary>
    public uint FsGid { get; }

    /// <summary>Gets the supplementary groups.</summary>
    public ImmutableArray<uint> Groups { get; }

    /// <summary>Gets the effective capabilities.</summary>
    public KeyCapabilities Capabilities { get; }

    /// <summary>Tells whether the caller belongs to a group.</summary>
    public bool IsInGroup(uint gid) => FsGid == gid || (!Groups.IsDefault && Groups.Contains(gid));
}
