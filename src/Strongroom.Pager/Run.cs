using System;

namespace Strongroom.Pager;

/// <summary>A run of pages of one region, brought in because faults came one beside the other.</summary>
/// <param name="Length">How many pages it was meant to bring in; 0 for no run.</param>
/// <param name="IsDescending">Whether the faults came in descending order.</param>
/// <param name="Previous">The index before its first page; -1 before a region's first page.</param>
/// <param name="Next">The index after its last page; 512 after a region's last page.</param>
internal readonly record struct Run(int Length, bool IsDescending, int Previous, int Next)
{
    /// <summary>Gets a run that no page is beside.</summary>
    internal static Run None { get; } = new(0, IsDescending: false, int.MinValue, int.MinValue);

    /// <summary>Gets a run that goes on from none.</summary>
    internal static Run Single { get; } = None with { Length = 1 };

    /// <summary>Gets where a run from a page on begins and ends, within the region.</summary>
    /// <param name="index">The page that is asked for.</param>
    internal (int First, int End) Around(int index) => IsDescending
        ? (Math.Max(index - Length + 1, 0), index + 1)
        : (index, Math.Min(index + Length, Region.PageCount));
}
