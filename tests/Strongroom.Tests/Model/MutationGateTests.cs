using System.Collections.Generic;
using Strongroom.Machine.Checking;
using Xunit;

namespace Strongroom.Tests.Model;

public class MutationGateTests
{
    [Fact]
    public void Every_seeded_fault_is_found()
    {
        List<string> survivors = [];
        int tried = 0;
        foreach (Strongroom.Machine.Mm.Mutant mutant in MutationGate.Mutants())
        {
            MutationVerdict verdict = MutationGate.Try(mutant, seed: 1);
            TestContext.Current.TestOutputHelper?.WriteLine($"| {mutant} | {verdict.Killer ?? "SURVIVES"} | {verdict.Evidence} |");
            tried++;
            if (verdict.Killer is null)
            {
                survivors.Add(mutant.ToString());
            }
        }

        Assert.Empty(survivors);
        Assert.True(tried >= 30);
    }
}
