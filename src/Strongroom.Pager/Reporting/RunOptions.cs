using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Pager;

/// <summary>Whose memory one key covers.</summary>
public enum KeyScope
{
    /// <summary>Each process that executes a program gets a key; a forked child shares its parent's until it executes.</summary>
    Process,

    /// <summary>One key for the whole tree.</summary>
    Tree,
}

/// <summary>What to run and how.</summary>
/// <remarks>
/// Strings of the program are bytes, because Linux file names, arguments and environments need not be text in any encoding.
/// None holds a terminating NUL. Immutable once built.
/// </remarks>
public sealed class RunOptions
{
    /// <summary>The window when the caller names none: 256 MiB.</summary>
    public const long DefaultWindowBytes = 256L << 20;

    /// <summary>The smallest window: 1 MiB, enough for the pages that one instruction can touch in each of many threads.</summary>
    public const long MinimumWindowBytes = 1L << 20;

    /// <summary>The idle time when the caller names none.</summary>
    public static readonly TimeSpan DefaultIdle = TimeSpan.FromSeconds(1);

    /// <summary>Gets the file to execute: a path, already looked up in PATH.</summary>
    public required byte[] Program { get; init; }

    /// <summary>Gets the whole argument vector, the program's own name first; never empty.</summary>
    public required IReadOnlyList<byte[]> Arguments { get; init; }

    /// <summary>Gets the environment, <c>NAME=value</c> each.</summary>
    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>Gets the most plaintext of the whole tree, in bytes; at least <see cref="MinimumWindowBytes"/>.</summary>
    public long WindowBytes { get; init; } = DefaultWindowBytes;

    /// <summary>Gets the time after which an unused page is sealed; more than zero.</summary>
    public TimeSpan Idle { get; init; } = DefaultIdle;

    /// <summary>Gets the algorithm of the keys.</summary>
    public MemoryAlgorithm Algorithm { get; init; } = MemoryAlgorithm.AesXts256;

    /// <summary>Gets whose memory one key covers.</summary>
    public KeyScope KeyPer { get; init; } = KeyScope.Process;

    /// <summary>
    /// Gets the soft limit of open files that the program starts with, or null for this process's own. The .NET runtime
    /// raises the soft limit to the hard one when it starts, which a program that loops over all descriptors would notice.
    /// </summary>
    public ulong? OpenFilesSoftLimit { get; init; }

    /// <summary>Gets what is told about the run about once a second, from a thread of the pager; null for nothing.</summary>
    public IProgress<RunProgress>? Progress { get; init; }

    /// <summary>Gets which of the proposed system calls the program finds; null for none, and no filter in front of it.</summary>
    public CallOptions? Calls { get; init; }

    /// <summary>Makes the same options for another program.</summary>
    /// <param name="program">The file to execute.</param>
    /// <param name="arguments">Its argument vector.</param>
    public RunOptions WithProgram(byte[] program, IReadOnlyList<byte[]> arguments) => new()
    {
        Program = program,
        Arguments = arguments,
        Environment = Environment,
        WindowBytes = WindowBytes,
        Idle = Idle,
        Algorithm = Algorithm,
        KeyPer = KeyPer,
        OpenFilesSoftLimit = OpenFilesSoftLimit,
        Progress = Progress,
        Calls = Calls,
    };
}

/// <summary>How a run stands.</summary>
/// <param name="Elapsed">Time since the program started.</param>
/// <param name="Processes">Processes alive in the tree.</param>
/// <param name="ClearBytes">Plaintext in the window.</param>
/// <param name="SealedBytes">Memory that is sealed now.</param>
/// <param name="Faults">Faults served so far.</param>
/// <param name="IsWindowFull">Whether pages have to be sealed because the window is full.</param>
public readonly record struct RunProgress(
    TimeSpan Elapsed, int Processes, long ClearBytes, long SealedBytes, long Faults, bool IsWindowFull);
