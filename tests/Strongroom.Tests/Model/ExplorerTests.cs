using System;
using System.Collections.Generic;
using System.Linq;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Mm;
using Xunit;

namespace Strongroom.Tests.Model;

public class ExplorerTests
{
    [Theory]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.All)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.LastKeyId, (int)Speculation.All)]
    [InlineData(1, 3, 3, (int)ProtocolPolicy.Pools, (int)Speculation.All)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.AllocateAndFree, (int)Speculation.None)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.LastKeyId, (int)Speculation.None)]
    [InlineData(2, 2, 2, (int)ProtocolPolicy.Pools, (int)Speculation.None)]
    public void Every_reachable_state_keeps_the_invariants(int lines, int keyIds, int caches, int policy, int speculation)
    {
        ProtocolShape shape = new(lines, keyIds, caches, (ProtocolPolicy)policy, (Speculation)speculation);
        Assert.True(Explore(new ProtocolModel(shape)).States > 0);
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
        Assert.Equal(states, Explore(new ProtocolModel(new(lines, keyIds, caches, (ProtocolPolicy)policy, (Speculation)speculation)), usesSymmetry: false).States);
    }

    [Theory]
    [InlineData(2, 1, 3, 5_332)]
    [InlineData(3, 1, 3, 189_340)]
    [InlineData(2, 2, 2, 1_013_682)]
    public void Vmas_have_as_many_states_as_TLC_finds(int pages, int processes, int keyIds, int states) =>
        Assert.Equal(states, Explore(new VmaModel(new(pages, processes, keyIds)), usesSymmetry: false).States);

    [Theory]
    [InlineData((int)ProtocolPolicy.AllocateAndFree, 2_021)]
    [InlineData((int)ProtocolPolicy.Pools, 5_409)]
    [InlineData((int)ProtocolPolicy.LastKeyId, 31_233)]
    public void Frames_have_as_many_states_as_TLC_finds(int policy, int states) =>
        Assert.Equal(states, Explore(new FrameModel(3, (ProtocolPolicy)policy), usesSymmetry: false).States);

    [Fact]
    public void Maps_have_as_many_states_as_TLC_finds() =>
        Assert.Equal(5_328, Explore(new MapModel(3), usesSymmetry: false).States);

    /// <summary>A state and its fold lead to the same folds: names may be exchanged before a step or after it.</summary>
    [Fact]
    public void Symmetry_leaves_no_state_out()
    {
        foreach ((string name, ExploredModel model) in ExploredModels.WithFault(Mutant.None))
        {
            Random random = new(1);
            ulong[] next = new ulong[ExploredModel.MostSteps];
            Step[] steps = new Step[ExploredModel.MostSteps];
            ulong state = model.Initial;
            for (int i = 0; i < 3_000; i++)
            {
                ulong fold = model.Canonical(state);
                Assert.Equal(fold, model.Canonical(fold));
                HashSet<ulong> ofFold = [.. next.AsSpan(0, model.Successors(fold, next, steps)).ToArray().Select(model.Canonical)];
                ulong[] after = [.. next.AsSpan(0, model.Successors(state, next, steps)).ToArray()];
                Assert.True(ofFold.SetEquals(after.Select(model.Canonical)), $"{name}: {model.Describe(state)} and {model.Describe(fold)}");
                state = after[random.Next(after.Length)];
            }
        }
    }

    private static ExplorationResult Explore(ExploredModel model, bool usesSymmetry = true)
    {
        ExplorationResult result = new Explorer(model, usesSymmetry: usesSymmetry).Run();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{result.States} states, {result.Steps} steps, depth {result.Depth}, {result.Elapsed.TotalSeconds:f2} s, {result.Broken}");
        foreach (string step in result.Trace)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("  " + step);
        }

        Assert.Null(result.Broken);
        Assert.True(result.IsComplete);
        return result;
    }
}
