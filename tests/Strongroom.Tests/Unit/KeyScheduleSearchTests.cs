using System;
using Strongroom.Tests.Encryption;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>The search that must not find keys in the pager is shown to find them where they are.</summary>
public class KeyScheduleSearchTests
{
    // FIPS 197, appendix A.1: the last round key of the 128-bit example; appendix A.3: that of the 256-bit example.
    [Theory]
    [InlineData("2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6")]
    [InlineData("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "fe4890d1e6188d0b046df344706c631e")]
    public void Expansion_is_that_of_the_standard(string key, string lastRoundKey) =>
        Assert.Equal(
            Convert.FromHexString(lastRoundKey),
            KeySchedules.Expand(Convert.FromHexString(key), stride: 16)[^16..]);

    [Theory]
    [InlineData(16, 16)]
    [InlineData(32, 16)]
    [InlineData(16, 64)]
    [InlineData(32, 32)]
    public void A_planted_schedule_is_found_at_any_offset(int keyBytes, int stride)
    {
        Random random = new(keyBytes + stride);
        byte[] memory = new byte[20_000];
        random.NextBytes(memory);
        byte[] key = new byte[keyBytes];
        random.NextBytes(key);
        byte[] schedule = KeySchedules.Expand(key, stride);
        schedule.CopyTo(memory, 12_345);
        Assert.Equal([12_345], KeySchedules.Find(memory));
        memory[12_345 + schedule.Length - 1] ^= 1;
        Assert.Empty(KeySchedules.Find(memory));
    }

    [Fact]
    public void Zeros_and_repetitions_are_no_keys()
    {
        Assert.Empty(KeySchedules.Find(new byte[5_000]));
        byte[] same = new byte[5_000];
        Array.Fill(same, (byte)0x52);
        Assert.Empty(KeySchedules.Find(same));
    }
}
