namespace Strongroom.Keys;

/// <summary>Counts of what a key service did. Read without a lock: each number is exact, two of them may not fit
/// together.</summary>
public sealed class KeyServiceCounters
{
    /// <summary>Gets the number of keys made.</summary>
    public long KeysAdded { get; internal set; }

    /// <summary>Gets the number of keys whose payload was replaced.</summary>
    public long KeysUpdated { get; internal set; }

    /// <summary>Gets the number of keys destroyed.</summary>
    public long KeysDestroyed { get; internal set; }

    /// <summary>Gets the number of commands that the programmer was given, each target and attempt counted.</summary>
    public long ProgramCommands { get; internal set; }

    /// <summary>Gets the number of attempts made again because a key table was busy.</summary>
    public long BusyRetries { get; internal set; }

    /// <summary>Gets the number of attempts made again for want of random bits.</summary>
    public long EntropyRetries { get; internal set; }

    /// <summary>Gets the number of programmings that failed for good.</summary>
    public long ProgramFailures { get; internal set; }

    /// <summary>Gets the number of slots cleared.</summary>
    public long SlotsCleared { get; internal set; }

    /// <summary>Gets the number of slots made available although some target did not clear them.</summary>
    public long ClearFailures { get; internal set; }
}
