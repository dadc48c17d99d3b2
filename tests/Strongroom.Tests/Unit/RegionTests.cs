using System;
using System.Linq;
using Strongroom.Pager;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>A region's entries, counts and bits against an array that is searched each time.</summary>
public class RegionTests
{
    private const int Steps = 20_000;

    [Fact]
    public void Counts_bits_and_the_oldest_tick_follow_the_entries()
    {
        Random random = new(TestSeed.Choose());
        PageCounts counts = new(null);
        Region region = new(7, counts);
        PageEntry[] naive = new PageEntry[Region.PageCount];
        for (int tick = 1; tick < Steps; tick++)
        {
            // Mostly few pages, so that the region is often without a Clear one.
            int index = random.Next(tick % 3 == 0 ? Region.PageCount : 8);
            PageState state = (PageState)random.Next(5);
            naive[index] = PageEntry.Of(state, state == PageState.Clear ? tick : random.Next(100));
            region.Set(index, naive[index]);
            Compare(region, naive, random.Next(Region.PageCount));
            if (tick % 64 == 0)
            {
                region.FindOldest();
                Assert.Equal(naive.Where(IsClear).Select(entry => entry.Value).DefaultIfEmpty(PageEntry.MaxValue).Min(), region.OldestTick);
            }
        }

        Assert.Equal(naive.Count(IsClear), counts.Clear);
        Assert.Equal(naive.Count(entry => entry.IsSealed), counts.Sealed);
    }

    private static void Compare(Region region, PageEntry[] naive, int from)
    {
        int next = Array.FindIndex(naive, from, IsClear);
        Assert.Equal(next < 0 ? Region.PageCount : next, region.NextClear(from));
        Assert.Equal(naive.Count(IsClear), region.ClearCount);
        Assert.Equal(naive.Count(entry => entry.State != PageState.Untracked), region.TrackedCount);
        foreach (PageEntry entry in naive.Where(IsClear))
        {
            Assert.True(region.OldestTick <= entry.Value, "A page is older than the oldest.");
        }
    }

    private static bool IsClear(PageEntry entry) => entry.State == PageState.Clear;
}
