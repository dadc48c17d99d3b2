using System.Runtime.CompilerServices;

namespace Strongroom.Pager;

/// <summary>How many pages are in which state, in one address space and, through <c>total</c>, in the tree.</summary>
/// <remarks>Guarded by: only the pager thread touches it.</remarks>
internal sealed class PageCounts
{
    private readonly PageCounts? _total;
    private Pages _pages;

    /// <summary>Makes counts of zero.</summary>
    /// <param name="total">What to add every change to as well, or null.</param>
    internal PageCounts(PageCounts? total)
    {
        _total = total;
    }

    /// <summary>Gets the Clear pages.</summary>
    internal long Clear => _pages[(int)PageState.Clear];

    /// <summary>Gets the Limbo pages.</summary>
    internal long Limbo => _pages[(int)PageState.Limbo];

    /// <summary>Gets the Sealed and SealedZero pages.</summary>
    internal long Sealed => _pages[(int)PageState.Sealed] + _pages[(int)PageState.SealedZero];

    /// <summary>Counts a page in another state than before.</summary>
    internal void Move(PageState before, PageState after)
    {
        _pages[(int)before]--;
        _pages[(int)after]++;
        _total?.Move(before, after);
    }

    // By state. What is Untracked is counted too, from 0 down: it is of no use, but needs no exception either.
    [InlineArray((int)PageState.SealedZero + 1)]
    private struct Pages
    {
        private long _first;
    }
}
