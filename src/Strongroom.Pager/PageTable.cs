using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Pager;

/// <summary>The page entries of one address space: page number → state and frame. 4 bytes a page, in regions of 512.</summary>
/// <remarks>Guarded by: only the pager thread touches it. Looking up allocates nothing; a first touch of 2 MiB allocates its region.</remarks>
internal sealed class PageTable
{
    private readonly Dictionary<ulong, Region> _byNumber = [];
    private readonly List<Region> _regions = [];
    private readonly List<Region> _found = [];

    /// <summary>Makes an empty table.</summary>
    /// <param name="total">The counts of the tree.</param>
    internal PageTable(PageCounts total)
    {
        Counts = new PageCounts(total);
    }

    /// <summary>Gets the counts of this address space.</summary>
    internal PageCounts Counts { get; }

    /// <summary>Gets the regions in no particular but a stable order.</summary>
    internal IReadOnlyList<Region> Regions => _regions;

    /// <summary>Gets the entry of a page; Untracked where there is no region.</summary>
    internal PageEntry this[PageNumber page] =>
        _byNumber.TryGetValue(page.Value >> Region.Shift, out Region? region)
            ? region[IndexOf(page)]
            : default;

    /// <summary>Gets the index of a page in its region.</summary>
    internal static int IndexOf(PageNumber page) => (int)(page.Value & (Region.PageCount - 1));

    /// <summary>Gets the region that holds a page, made if need be.</summary>
    internal Region GetRegion(PageNumber page)
    {
        ulong number = page.Value >> Region.Shift;
        if (!_byNumber.TryGetValue(number, out Region? region))
        {
            region = new Region(number, Counts);
            _byNumber.Add(number, region);
            _regions.Add(region);
        }

        return region;
    }

    /// <summary>Changes the entry of a page.</summary>
    internal void Set(PageNumber page, PageEntry entry) => GetRegion(page).Set(IndexOf(page), entry);

    /// <summary>Lists the regions that overlap a range, without walking terabytes that hold none.</summary>
    /// <returns>A list that the next call reuses.</returns>
    internal List<Region> RegionsIn(AddressRange range)
    {
        _found.Clear();
        if (range.IsEmpty)
        {
            return _found;
        }

        ulong first = range.Start.Page.Value >> Region.Shift;
        ulong last = (range.End.Value - 1) >> (PageNumber.Shift + Region.Shift);
        if (last - first < (ulong)_regions.Count)
        {
            for (ulong number = first; number <= last; number++)
            {
                if (_byNumber.TryGetValue(number, out Region? region))
                {
                    _found.Add(region);
                }
            }
        }
        else
        {
            foreach (Region region in _regions)
            {
                if (region.Number >= first && region.Number <= last)
                {
                    _found.Add(region);
                }
            }
        }

        return _found;
    }

    /// <summary>Forgets the regions whose pages are all Untracked.</summary>
    internal void RemoveEmptyRegions()
    {
        for (int i = _regions.Count - 1; i >= 0; i--)
        {
            if (_regions[i].TrackedCount == 0)
            {
                _ = _byNumber.Remove(_regions[i].Number);
                _regions[i] = _regions[^1];
                _regions.RemoveAt(_regions.Count - 1);
            }
        }
    }
}
