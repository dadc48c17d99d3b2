namespace Strongroom.Machine.Hardware;

/// <summary>What the caches of a machine have done so far. Counts, never times.</summary>
/// <remarks>Thread safety: none; one machine is driven by one thread.</remarks>
public sealed class Counters
{
    /// <summary>Gets the loads that CPUs made.</summary>
    public ulong Loads { get; internal set; }

    /// <summary>Gets the stores that CPUs made.</summary>
    public ulong Stores { get; internal set; }

    /// <summary>Gets the accesses that missed the first-level cache.</summary>
    public ulong L1Misses { get; internal set; }

    /// <summary>Gets the accesses that missed both private caches.</summary>
    public ulong L2Misses { get; internal set; }

    /// <summary>Gets the accesses that missed the package's last-level cache.</summary>
    public ulong LlcMisses { get; internal set; }

    /// <summary>
    /// Gets the lines that a memory controller read, and decrypted unless their KeyID says otherwise.
    /// </summary>
    public ulong MemoryReads { get; internal set; }

    /// <summary>Gets the lines that a memory controller wrote.</summary>
    public ulong MemoryWrites { get; internal set; }

    /// <summary>Gets the lines that were taken from another CPU or package to keep one KeyID coherent.</summary>
    public ulong Snoops { get; internal set; }

    /// <summary>Gets the flushes of one line, present or not.</summary>
    public ulong LineFlushes { get; internal set; }

    /// <summary>Gets the flushes of one line that wrote the line back.</summary>
    public ulong DirtyLineFlushes { get; internal set; }

    /// <summary>Gets the flushes of whole caches (WBINVD, WBNOINVD).</summary>
    public ulong CacheFlushes { get; internal set; }

    /// <summary>Gets the accesses that went past the caches.</summary>
    public ulong UncachedAccesses { get; internal set; }
}
