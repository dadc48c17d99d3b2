using System;
using System.Globalization;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Mm;
using Xunit;

namespace Strongroom.Tests.Model;

public class FuzzerTests
{
    /// <summary>The seed of random runs: STRONGROOM_SEED, or a new one each day so that runs of one day can be compared.</summary>
    private static int Seed => int.TryParse(
        Environment.GetEnvironmentVariable("STRONGROOM_SEED"), CultureInfo.InvariantCulture, out int seed)
        ? seed
        : DateTime.UtcNow.DayOfYear;

    [Theory]
    [InlineData((int)PolicyKind.AllocateAndFree, (int)ZeroPageRule.StripKeyId, (int)SwapRule.Plaintext)]
    [InlineData((int)PolicyKind.LastKeyId, (int)ZeroPageRule.StripKeyId, (int)SwapRule.Encrypted)]
    [InlineData((int)PolicyKind.Wrapper, (int)ZeroPageRule.NotInEncrypted, (int)SwapRule.Plaintext)]
    [InlineData((int)PolicyKind.Pools, (int)ZeroPageRule.StripKeyId, (int)SwapRule.Plaintext)]
    public void Random_programs_read_what_a_flat_memory_says(int policy, int zeroPage, int swap)
    {
        using Fuzzer fuzzer = new(new(Seed, 100_000, new KernelOptions
        {
            Policy = (PolicyKind)policy,
            ZeroPage = (ZeroPageRule)zeroPage,
            Swap = (SwapRule)swap,
        }));
        FuzzResult result = fuzzer.Run();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"seed {Seed}, {result.Steps} steps, {result.Elapsed.TotalSeconds:f2} s, {result.Failure}");
        foreach (string step in result.LastSteps)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(step);
        }

        Assert.Null(result.Failure);
    }
}
