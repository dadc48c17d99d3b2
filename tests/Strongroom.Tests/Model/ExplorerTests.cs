using Strongroom.Machine.Checking;
using Xunit;

namespace Strongroom.Tests.Model;

public class ExplorerTests
{
    private static ExplorationResult Explore(ProtocolShape shape)
    {
        ExplorationResult result = new Explorer(new ProtocolModel(shape)).Run();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{shape}: {result.States} states, {result.Steps} steps, depth {result.Depth}, {result.Elapsed.TotalSeconds:f2} s, {result.Broken}");
        foreach (string step in result.Trace)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("  " + step);
        }

        return result;
    }

    [Theory]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.Pools, (int)Speculation.All)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.None)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.LastKeyId, (int)Speculation.None)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.Pools, (int)Speculation.None)]
    public void Every_reachable_state_keeps_the_invariants(int lines, int keyIds, int caches, int policy, int speculation)
    {
        ExplorationResult result = Explore(new(lines, keyIds, caches, (ProtocolPolicy)policy, (Speculation)speculation));
        Assert.Null(result.Broken);
        Assert.True(result.IsComplete);
    }
}
