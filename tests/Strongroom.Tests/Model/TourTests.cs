using System;
using System.Collections.Generic;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Mm;
using Xunit;

namespace Strongroom.Tests.Model;

public class TourTests
{
    [Theory]
    [InlineData((int)PolicyKind.AllocateAndFree)]
    [InlineData((int)PolicyKind.LastKeyId)]
    public void The_tour_shows_entry_line_and_memory_at_each_step(int policy)
    {
        List<string> lines = [];
        using Tour tour = new((PolicyKind)policy, lines.Add);
        tour.Run();
        string text = string.Join('\n', lines);
        foreach (string wanted in new[] { "PTE   none", "the shared zero page", "KeyID 1", "L1 M", "slot  Killed", "slot  Available" })
        {
            Assert.Contains(wanted, text, StringComparison.Ordinal);
        }

        Assert.Contains("CPU 1 reads 20 73 65 63 72 65 74 21", text, StringComparison.Ordinal);
        Assert.DoesNotContain("DRAM  20 73 65 63 72 65 74 21", text, StringComparison.Ordinal);
    }
}
