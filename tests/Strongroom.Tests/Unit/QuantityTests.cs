using System;
using Strongroom.Cli;
using Xunit;

namespace Strongroom.Tests.Unit;

public class QuantityTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("1K", 1024)]
    [InlineData("8M", 8L << 20)]
    [InlineData("256MiB", 256L << 20)]
    [InlineData("1g", 1L << 30)]
    [InlineData("2T", 2L << 40)]
    public void A_size_is_a_number_and_a_power_of_1024(string text, long bytes)
    {
        Assert.True(Quantity.TryParseSize(text, out long parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1")]
    [InlineData("1.5G")]
    [InlineData("1 G")]
    [InlineData("1Q")]
    [InlineData("9223372036854775808")]
    [InlineData("9007199254740993T")]
    [InlineData("0x10")]
    public void What_is_not_a_size_is_refused(string text) => Assert.False(Quantity.TryParseSize(text, out _));

    [Theory]
    [InlineData("100ms", 100)]
    [InlineData("1s", 1000)]
    [InlineData("0.5s", 500)]
    [InlineData("3", 3000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    public void A_duration_is_a_number_and_a_unit(string text, double milliseconds)
    {
        Assert.True(Quantity.TryParseDuration(text, out TimeSpan parsed));
        Assert.Equal(milliseconds, parsed.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ms")]
    [InlineData("-1s")]
    [InlineData("1 s")]
    [InlineData("1us")]
    [InlineData("1e3s")]
    [InlineData("1000h")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    public void What_is_not_a_duration_is_refused(string text) => Assert.False(Quantity.TryParseDuration(text, out _));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(256L << 20, "256 MiB")]
    public void A_size_is_written_in_few_digits(long bytes, string text) => Assert.Equal(text, Quantity.FormatSize(bytes));
}
