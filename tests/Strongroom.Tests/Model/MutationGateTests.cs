using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Tests.Rules;
using Xunit;

namespace Strongroom.Tests.Model;

public class MutationGateTests
{
    [Fact]
    public void Every_seeded_fault_is_found()
    {
        List<string> survivors = [];
        int tried = 0;
        int explored = 0;
        foreach (Mutant mutant in MutationGate.Mutants())
        {
            MutationVerdict verdict = MutationGate.Try(mutant, seed: 1);
            TestContext.Current.TestOutputHelper?.WriteLine($"| {mutant} | {verdict.Explorer ?? "-"} | {verdict.Tester ?? "-"} |");
            tried++;
            explored += verdict.Explorer is null ? 0 : 1;
            if (verdict.Tester is null)
            {
                survivors.Add(mutant.ToString());
            }
        }

        Assert.Empty(survivors);
        Assert.True(tried >= 30);
        Assert.True(explored >= 49, $"Exploration found {explored} only.");
    }

    [Fact]
    public void Every_seeded_fault_is_in_the_documents()
    {
        Mutant[] mutants = [.. MutationGate.Mutants()];
        string list = File.ReadAllText(Path.Combine(Repository.Root, "docs/mutants.md"));
        foreach (Mutant mutant in mutants)
        {
            Assert.Contains($"| {mutant} | ", list, StringComparison.Ordinal);
        }

        string promises = File.ReadAllText(Path.Combine(Repository.Root, "SPECIFICATION.md"));
        Assert.Contains($"none of {mutants.Length} ", promises, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_fault_in_the_rules_of_VMAs_can_be_seeded()
    {
        VmaFault[] seeded = [.. MutationGate.Mutants().Select(mutant => mutant.InVmas()).Where(fault => fault != VmaFault.None)];
        Assert.Equal([.. Enum.GetValues<VmaFault>().Where(fault => fault != VmaFault.None)], seeded);
    }
}
