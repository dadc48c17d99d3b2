using System;
using System.Collections.Generic;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>Who found a seeded fault.</summary>
/// <param name="Mutant">The fault.</param>
/// <param name="Killer">The tool, its policy and its effort; null when nobody found it.</param>
/// <param name="Evidence">The broken rule.</param>
internal sealed record MutationVerdict(Mutant Mutant, string? Killer, string Evidence);

/// <summary>Runs every seeded fault against the explorer and the random tester until one of them finds it.</summary>
internal static class MutationGate
{
    /// <summary>The most random steps for one fault and policy.</summary>
    internal const int StepsPerPolicy = 120_000;

    /// <summary>The most states for one fault and policy.</summary>
    internal const int StatesPerPolicy = 200_000;

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
    internal static MutationVerdict Try(Mutant mutant, int seed)
    {
        foreach (ProtocolPolicy policy in Enum.GetValues<ProtocolPolicy>())
        {
            ProtocolShape shape = new(Lines: 2, KeyIds: 3, Caches: 2, policy, Speculation.None, mutant);
            ExplorationResult result = new Explorer(new ProtocolModel(shape), StatesPerPolicy).Run();
            if (result.Broken is { } broken)
            {
                return new(mutant, $"explorer, {policy}, depth {result.Depth}", broken);
            }
        }

        foreach (PolicyKind policy in Enum.GetValues<PolicyKind>())
        {
            using Fuzzer fuzzer = new(new(seed, StepsPerPolicy, new KernelOptions { Policy = policy, Mutant = mutant }));
            FuzzResult result = fuzzer.Run();
            if (result.Failure is { } failure)
            {
                return new(mutant, $"random tester, {policy}, step {result.Steps}", failure);
            }
        }

        return new(mutant, null, string.Empty);
    }
}
