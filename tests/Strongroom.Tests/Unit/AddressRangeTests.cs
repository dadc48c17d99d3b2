using System;
using Strongroom.Core;
using Xunit;

namespace Strongroom.Tests.Unit;

public class AddressRangeTests
{
    [Fact]
    public void Ranges_are_half_open()
    {
        AddressRange range = AddressRange.FromLength(new VirtualAddress(0x1000), 0x1000);
        Assert.True(range.Contains(new VirtualAddress(0x1fff)));
        Assert.False(range.Contains(new VirtualAddress(0x2000)));
        Assert.False(range.Overlaps(AddressRange.FromLength(new VirtualAddress(0x2000), 1)));
        Assert.Equal(0x800ul, range.Intersect(AddressRange.FromLength(new VirtualAddress(0x1800), 0x1000)).LengthBytes);
    }

    [Fact]
    public void A_range_that_ends_before_it_starts_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new AddressRange(new VirtualAddress(2), new VirtualAddress(1)));
}
