using System.Collections.Generic;

namespace Strongroom.Pager;

/// <summary>What happened in a run. The names are stable; docs/report.md says what each one means.</summary>
public sealed class RunReport
{
    /// <summary>The version of the names and meanings; changes only when one of them does.</summary>
    public const int CurrentSchemaVersion = 1;

    /// <summary>Gets the version of the names and meanings.</summary>
    public int SchemaVersion { get; init; } = CurrentSchemaVersion;

    /// <summary>Gets the file that was executed; invalid UTF-8 shows as U+FFFD. Never its arguments.</summary>
    public required string Program { get; init; }

    /// <summary>Gets the options that were in force.</summary>
    public required RunReportOptions Options { get; init; }

    /// <summary>Gets the number of processes that lived in the tree.</summary>
    public long Processes { get; init; }

    /// <summary>Gets the number of processes that were attached fully, because they had something to seal.</summary>
    public long ProcessesAttached { get; init; }

    /// <summary>Gets the number of threads that were attached.</summary>
    public long ThreadsAttached { get; init; }

    /// <summary>Gets the keys.</summary>
    public IReadOnlyList<KeyReport> Keys { get; init; } = [];

    /// <summary>Gets the keys that programs made, by KeyID and algorithm.</summary>
    public IReadOnlyList<ProgramKeyReport> ProgramKeys { get; init; } = [];

    /// <summary>Gets the pages sealed, each time one was.</summary>
    public long SealedPages { get; init; }

    /// <summary>Gets the staging pages that were overwritten before they were freed.</summary>
    public long WipedPages { get; init; }

    /// <summary>Gets the sealed pages opened again, each time one was.</summary>
    public long OpenedPages { get; init; }

    /// <summary>Gets the pages that came back from staging without cryptography.</summary>
    public long RescuedPages { get; init; }

    /// <summary>Gets the faults served.</summary>
    public long Faults { get; init; }

    /// <summary>Gets the pager's time for sealing, by its parts.</summary>
    public SealingReport SealingSeconds { get; init; } = new();

    /// <summary>Gets the most that the pager's books took beside the ciphertext, in bytes.</summary>
    public long PeakMetadataBytes { get; init; }

    /// <summary>Gets the most that was sealed at one time, in bytes.</summary>
    public long PeakSealedBytes { get; init; }

    /// <summary>Gets the managed memory that answering faults allocated, in bytes: 0.</summary>
    public long FaultAllocatedBytes { get; init; }

    /// <summary>Gets the time from reading a fault to waking its thread.</summary>
    public LatencyReport FaultLatencyMicroseconds { get; init; } = new();

    /// <summary>Gets the most plaintext of the tree at one time, in bytes.</summary>
    public long PeakClearBytes { get; init; }

    /// <summary>Gets the time in which pages were sealed because the window was full, in seconds.</summary>
    public double WindowFullSeconds { get; init; }

    /// <summary>Gets the most private memory of the tree, clear and sealed, at one look, in bytes: about the window that would have held all.</summary>
    public long PeakPrivateBytes { get; init; }

    /// <summary>Gets the plaintext of the tree, averaged over time, in bytes.</summary>
    public long MeanClearBytes { get; init; }

    /// <summary>Gets the private memory of the tree, clear and sealed, averaged over time, in bytes.</summary>
    public long MeanPrivateBytes { get; init; }

    /// <summary>Gets the clear page-seconds over all page-seconds of private memory: 0 to 1.</summary>
    public double TimeInClear { get; init; }

    /// <summary>Gets the plaintext that was left alone, averaged over time, in bytes, by reason; see <see cref="ClearReason"/>.</summary>
    public IReadOnlyDictionary<string, long> ClearBytesByReason { get; init; } = new Dictionary<string, long>();

    /// <summary>Gets the processes that the pager ended because a page of theirs might have come back wrong, one sentence each.</summary>
    public IReadOnlyList<string> Killed { get; init; } = [];

    /// <summary>Gets what the run could not cover or had to refuse, one sentence each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>Gets the time from the program's start to the end of its tree, in seconds.</summary>
    public double WallSeconds { get; init; }

    /// <summary>Gets the processor time of the pager, in seconds.</summary>
    public double PagerCpuSeconds { get; init; }

    /// <summary>Gets the program's exit status; 128 + N for a death by signal N.</summary>
    public int ExitStatus { get; init; }
}

/// <summary>The options in force in a run.</summary>
public sealed class RunReportOptions
{
    /// <summary>Gets the window in bytes.</summary>
    public long WindowBytes { get; init; }

    /// <summary>Gets the idle time in seconds.</summary>
    public double IdleSeconds { get; init; }

    /// <summary>Gets the algorithm: <c>aes-xts-128</c> or <c>aes-xts-256</c>.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Gets whose memory one key covers: <c>process</c> or <c>tree</c>.</summary>
    public required string KeyPer { get; init; }
}

/// <summary>One key of a run.</summary>
public sealed class KeyReport
{
    /// <summary>Gets the KeyID.</summary>
    public int KeyId { get; init; }

    /// <summary>Gets the algorithm: <c>aes-xts-128</c> or <c>aes-xts-256</c>.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Gets the pages sealed under it, each time one was.</summary>
    public long PagesSealed { get; init; }
}

/// <summary>The keys that programs made, one after the other, of one KeyID and algorithm.</summary>
public sealed class ProgramKeyReport
{
    /// <summary>Gets the KeyID, counted apart from those of <see cref="KeyReport"/>.</summary>
    public int KeyId { get; init; }

    /// <summary>Gets the algorithm: <c>aes-xts-128</c> or <c>aes-xts-256</c>.</summary>
    public required string Algorithm { get; init; }

    /// <summary>Gets how many keys there were.</summary>
    public int Keys { get; init; }

    /// <summary>Gets the pages sealed under them, each time one was.</summary>
    public long PagesSealed { get; init; }
}

/// <summary>A distribution of times, in microseconds; zeros when nothing was measured.</summary>
public sealed class LatencyReport
{
    /// <summary>Gets the median.</summary>
    public double P50 { get; init; }

    /// <summary>Gets the 99th percentile.</summary>
    public double P99 { get; init; }

    /// <summary>Gets the largest.</summary>
    public double Max { get; init; }
}

/// <summary>Where the pager's time for sealing went, in seconds.</summary>
public sealed class SealingReport
{
    /// <summary>Gets the time for moving pages to staging, the waiting for the agent included.</summary>
    public double Move { get; init; }

    /// <summary>Gets the time for copying pages out of staging.</summary>
    public double Read { get; init; }

    /// <summary>Gets the time for encrypting.</summary>
    public double Encrypt { get; init; }

    /// <summary>Gets the time for wiping and dropping staging.</summary>
    public double Drop { get; init; }
}
