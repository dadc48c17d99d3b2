using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Memory;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Unit.Memory;

public class VmaMapTests
{
    [Fact]
    public void Random_additions_and_removals_are_found_as_in_a_sorted_list()
    {
        Random random = new(TestSeed.Choose());
        VmaMap map = new();
        SortedList<ulong, Vma> expected = [];
        for (int step = 0; step < 40_000; step++)
        {
            // Grows to a few thousand VMAs, then shrinks to none, so that chunks split and disappear.
            ulong slot = (ulong)random.Next(6000) * 4;
            bool isGrowing = step < 20_000;
            if (expected.TryGetValue(slot, out Vma? there))
            {
                if (!isGrowing)
                {
                    map.Remove(there);
                    Assert.True(expected.Remove(slot));
                }
            }
            else if (isGrowing)
            {
                Vma vma = new(MemoryBench.Pages(slot, slot + (ulong)random.Next(1, 5)), default, 0);
                map.Add(vma);
                expected.Add(slot, vma);
            }

            ulong page = (ulong)random.Next(24_010);
            VirtualAddress address = new((page * PageNumber.SizeBytes) + (ulong)random.Next(2));
            Assert.Equal(Floor(expected, address, v => v.End.Value > address.Value, ascending: true), map.FindAtOrAfter(address));
            Assert.Equal(Floor(expected, address, v => v.Start.Value < address.Value, ascending: false), map.FindBefore(address));
            Assert.Equal(expected.Count, map.Count);
        }

        Assert.Equal(expected.Values, map.All());
        foreach (Vma vma in expected.Values)
        {
            map.Remove(vma);
        }

        Assert.Null(map.FindAtOrAfter(default));
        Assert.Empty(map.All());
    }

    private static Vma? Floor(SortedList<ulong, Vma> vmas, VirtualAddress address, Func<Vma, bool> matches, bool ascending)
    {
        // Slots are four pages apart, so the answer is at most a few thousand empty slots away; look outwards from the
        // address.
        ulong slot = address.Value / PageNumber.SizeBytes / 4 * 4;
        for (ulong distance = 0; distance <= 24_000; distance += 4)
        {
            ulong candidate = ascending ? slot + distance : slot - distance;
            if (vmas.TryGetValue(candidate, out Vma? vma) && matches(vma))
            {
                return vma;
            }

            if (!ascending && distance >= slot)
            {
                break;
            }
        }

        return null;
    }
}
