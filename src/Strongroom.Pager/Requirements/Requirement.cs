namespace Strongroom.Pager;

/// <summary>Something that the pager asks of the machine, and whether it is there.</summary>
public sealed class Requirement
{
    /// <summary>Gets the name, a few words.</summary>
    public required string Name { get; init; }

    /// <summary>Gets what it is for, a few words.</summary>
    public required string Purpose { get; init; }

    /// <summary>Gets a value indicating whether run cannot work without it; otherwise it works less well.</summary>
    public bool IsNeeded { get; init; } = true;

    /// <summary>Gets a value indicating whether it is there.</summary>
    public bool IsMet { get; init; }

    /// <summary>Gets what was tried and what came of it.</summary>
    public required string Reason { get; init; }

    /// <summary>Gets what to do about it; empty when it is there.</summary>
    public string Fix { get; init; } = string.Empty;

    /// <summary>Makes the sentence with which run refuses for want of this.</summary>
    public string DescribeRefusal() => $"{Name} is missing ({Purpose}): {Reason}. {Fix}";
}
