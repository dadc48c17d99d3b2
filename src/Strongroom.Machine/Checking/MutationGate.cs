using System;
using System.Collections.Generic;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>Who found a seeded fault.</summary>
/// <param name="Mutant">The fault.</param>
/// <param name="Explorer">The explored model, the depth and the broken rule; null when no model has the fault.</param>
/// <param name="Tester">The random tester's policy, step and broken rule; null when it found nothing.</param>
internal sealed record MutationVerdict(Mutant Mutant, string? Explorer, string? Tester);

/// <summary>Runs every seeded fault against every explored model and against the random tester.</summary>
internal static class MutationGate
{
    /// <summary>The most random steps for one fault and policy.</summary>
    internal const int StepsPerPolicy = 120_000;

    /// <summary>The most states for one fault and model.</summary>
    internal const int StatesPerModel = 300_000;

    /// <summary>Lists the faults.</summary>
    internal static IEnumerable<Mutant> Mutants()
    {
        foreach (Mutant mutant in Enum.GetValues<Mutant>())
        {
            if (mutant != Mutant.None)
            {
                yield return mutant;
            }
        }
    }

    /// <summary>Tries one fault.</summary>
    /// <param name="mutant">The fault.</param>
    /// <param name="seed">The seed of the random tester.</param>
    internal static MutationVerdict Try(Mutant mutant, int seed) => new(mutant, Explore(mutant), Test(mutant, seed));

    private static string? Explore(Mutant mutant)
    {
        foreach ((string name, ExploredModel model) in ExploredModels.WithFault(mutant))
        {
            ExplorationResult result = new Explorer(model, StatesPerModel).Run();
            if (result.Broken is { } broken)
            {
                return $"{name}, depth {result.Depth}: {broken}";
            }
        }

        return null;
    }

    private static string? Test(Mutant mutant, int seed)
    {
        foreach (PolicyKind policy in Enum.GetValues<PolicyKind>())
        {
            using Fuzzer fuzzer = new(new(seed, StepsPerPolicy, new KernelOptions { Policy = policy, Mutant = mutant }));
            FuzzResult result = fuzzer.Run();
            if (result.Failure is { } failure)
            {
                return $"{policy}, step {result.Steps}: {failure}";
            }
        }

        return null;
    }
}
