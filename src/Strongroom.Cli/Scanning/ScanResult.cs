using System.Collections.Generic;

namespace Strongroom.Cli.Scanning;

/// <summary>What a scan found in one kind of memory.</summary>
/// <param name="kind">The kind, as it is printed.</param>
internal sealed class KindCount(string kind)
{
    /// <summary>Gets the kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>Gets or sets the copies of the pattern that could be read.</summary>
    public long Copies { get; set; }

    /// <summary>Gets or sets the bytes read.</summary>
    public long ReadBytes { get; set; }

    /// <summary>Gets or sets the bytes that are there but could not be read.</summary>
    public long UnreadableBytes { get; set; }
}

/// <summary>One place where the pattern starts.</summary>
/// <param name="Address">Virtual address, or the offset in a raw image.</param>
/// <param name="Kind">The kind of memory.</param>
/// <param name="Name">The file or other name of the mapping; empty when it has none.</param>
internal sealed record Finding(ulong Address, string Kind, string Name);

/// <summary>What a scan found.</summary>
internal sealed class ScanResult
{
    /// <summary>The most findings that are listed one by one.</summary>
    internal const int MaximumFindings = 64;

    private readonly List<KindCount> _kinds = [];
    private readonly List<Finding> _findings = [];

    /// <summary>Gets what was found in each kind of memory, in the order in which the kinds were first seen.</summary>
    public IReadOnlyList<KindCount> Kinds => _kinds;

    /// <summary>Gets some of the places, at most one from each piece of memory that was read at once.</summary>
    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>Gets the copies in all kinds.</summary>
    public long Copies
    {
        get
        {
            long copies = 0;
            foreach (KindCount kind in _kinds)
            {
                copies += kind.Copies;
            }

            return copies;
        }
    }

    /// <summary>Gets the count of one kind.</summary>
    internal KindCount Of(string kind)
    {
        foreach (KindCount count in _kinds)
        {
            if (count.Kind == kind)
            {
                return count;
            }
        }

        KindCount added = new(kind);
        _kinds.Add(added);
        return added;
    }

    /// <summary>Lists a place, while there is room.</summary>
    internal void Add(Finding finding)
    {
        if (_findings.Count < MaximumFindings)
        {
            _findings.Add(finding);
        }
    }
}
