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

    /// <summary>The numbers of distinct states that TLC, built from tlaplus commit cc6b616, found in the exported modules.</summary>
    [Theory]
    [InlineData(1, 2, 2, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.None, 66)]
    [InlineData(1, 3, 2, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All, 7_488)]
    [InlineData(1, 3, 2, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All, 10_080)]
    [InlineData(1, 3, 2, (int)ProtocolPolicy.Pools, (int)Speculation.All, 9_216)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All, 44_528)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All, 59_532)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.Pools, (int)Speculation.All, 54_208)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All, 103_968)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All, 161_424)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.Pools, (int)Speculation.All, 149_760)]
    [InlineData(2, 3, 1, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All, 23_104)]
    [InlineData(2, 3, 1, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All, 44_064)]
    [InlineData(2, 3, 1, (int)ProtocolPolicy.Pools, (int)Speculation.All, 39_456)]
    public void Without_symmetry_as_many_states_are_found_as_TLC_finds(
        int lines, int keyIds, int caches, int policy, int speculation, int states)
    {
        ProtocolShape shape = new(lines, keyIds, caches, (ProtocolPolicy)policy, (Speculation)speculation);
        ExplorationResult result = new Explorer(new ProtocolModel(shape), usesSymmetry: false).Run();
        Assert.Null(result.Broken);
        Assert.True(result.IsComplete);
        Assert.Equal(states, result.States);
    }
}
