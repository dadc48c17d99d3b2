using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>The seed of a random test, printed with the test's output.</summary>
internal static class TestSeed
{
    /// <summary>Gets the seed: STRONGROOM_SEED, or a new one each run.</summary>
    internal static int Choose()
    {
        int seed = (int)(Workplace.Seed % int.MaxValue);
        TestContext.Current.TestOutputHelper?.WriteLine($"STRONGROOM_SEED={seed}");
        return seed;
    }
}
