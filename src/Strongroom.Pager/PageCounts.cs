namespace Strongroom.Pager;

/// <summary>How many pages are in which state, in one address space and, through <c>total</c>, in the tree.</summary>
/// <remarks>Guarded by: only the pager thread touches it.</remarks>
internal sealed class PageCounts
{
    private readonly PageCounts? _total;

    /// <summary>Makes counts of zero.</summary>
    /// <param name="total">What to add every change to as well, or null.</param>
    internal PageCounts(PageCounts? total)
    {
        _total = total;
    }

    /// <summary>Gets the Clear pages.</summary>
    internal long Clear { get; private set; }

    /// <summary>Gets the Limbo pages.</summary>
    internal long Limbo { get; private set; }

    /// <summary>Gets the Sealed and SealedZero pages.</summary>
    internal long Sealed { get; private set; }

    /// <summary>Adds to the count that a state belongs to.</summary>
    internal void Add(PageState state, int change)
    {
        switch (state)
        {
            case PageState.Clear:
                Clear += change;
                break;
            case PageState.Limbo:
                Limbo += change;
                break;
            case PageState.Sealed or PageState.SealedZero:
                Sealed += change;
                break;
            default:
                return;
        }

        _total?.Add(state, change);
    }
}
