using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <content>How VMAs are cut and merged, and who holds which reference.</content>
internal sealed partial class VmaModel
{
    /// <summary>Gives a page that is not mapped to a new VMA, merged with its neighbours.</summary>
    private ulong Insert(ulong s, int p, int i, int page) =>
        MergeAround(AddReference(WithPage(s, p, i, page), KeyIdOf(page)), p, i, before: null);

    /// <summary>Takes a page out of its VMA; what is left of that is one VMA or two.</summary>
    private ulong Remove(ulong s, int p, int i) => WithPage(Cut(s, p, i), p, i, 0);

    /// <summary>Gives a page other attributes; its entry stays as it is.</summary>
    private ulong Replace(ulong s, int p, int i, int attributes)
    {
        int page = Page(s, p, i);
        s = AddReference(Cut(s, p, i), KeyIdOf(attributes));
        return MergeAround(WithPage(s, p, i, (page & ~0xf) | attributes), p, i, before: page);
    }

    /// <summary>Drops the VMA of a page, and makes VMAs of what lies before and behind the page in it.</summary>
    private ulong Cut(ulong s, int p, int i)
    {
        int page = Page(s, p, i);
        s = DropReference(s, KeyIdOf(page));
        if (IsJoined(page))
        {
            s = MakeRest(WithPage(s, p, i, page & ~Joined), p, i - 1);
        }

        if (i + 1 < _pages && IsJoined(Page(s, p, i + 1)))
        {
            s = MakeRest(WithPage(s, p, i + 1, Page(s, p, i + 1) & ~Joined), p, i + 1);
        }

        return s;
    }

    private ulong MakeRest(ulong s, int p, int any)
    {
        int keyId = KeyIdOf(Page(s, p, any));
        if (_mutant == Mutant.VmaSplitDropsKeyId)
        {
            keyId = 0;
            s = SetAttributes(s, p, any, Attributes(0, MayWrite(Page(s, p, any))));
        }

        return _mutant == Mutant.VmaSplitSkipsReference ? s : AddReference(s, keyId);
    }

    private ulong MergeAround(ulong s, int p, int i, int? before)
    {
        int page = Page(s, p, i);
        if (i > 0 && CanMerge(page, Page(s, p, i - 1), before))
        {
            s = Swallow(s, p, i - 1, page);
            s = WithPage(s, p, i, page | Joined);
        }

        if (i + 1 < _pages && CanMerge(page, Page(s, p, i + 1), before))
        {
            s = Swallow(s, p, i + 1, page);
            s = WithPage(s, p, i + 1, Page(s, p, i + 1) | Joined);
        }

        return s;
    }

    /// <summary>The VMA of a neighbour goes into that of a page: its reference goes, its pages are like the page.</summary>
    private ulong Swallow(ulong s, int p, int neighbour, int page)
    {
        s = DropReference(s, KeyIdOf(Page(s, p, neighbour)));
        return SetAttributes(s, p, neighbour, page & 7);
    }

    private ulong SetAttributes(ulong s, int p, int any, int attributes)
    {
        int first = any;
        while (IsJoined(Page(s, p, first)))
        {
            first--;
        }

        for (int i = first; i < _pages && (i == first || IsJoined(Page(s, p, i))); i++)
        {
            s = WithPage(s, p, i, (Page(s, p, i) & ~7) | attributes);
        }

        return s;
    }

    private bool CanMerge(int page, int neighbour, int? before)
    {
        int compared = _mutant == Mutant.VmaMergeByOldKeyId && before is { } old ? VmaOf(old) : VmaOf(page);
        bool sameKey = compared == VmaOf(neighbour) || _mutant == Mutant.VmaMergeIgnoresKeyId;
        bool sameProtection = MayWrite(page) == MayWrite(neighbour) || _mutant == Mutant.VmaMergeIgnoresProtection;
        return IsMapped(neighbour) && sameKey && sameProtection && _mutant != Mutant.VmaMergeNever;
    }
}
