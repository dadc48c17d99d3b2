using System;
using System.Linq;
using System.Text.RegularExpressions;
using Strongroom.Machine.Checking;
using Xunit;

namespace Strongroom.Tests.Model;

public partial class TlaExportTests
{
    [Fact]
    public void The_module_has_its_name_and_the_shape()
    {
        string module = TlaExport.Write(new(2, 3, 2, ProtocolPolicy.Pools, Speculation.All), "aliases");
        string[] wanted = ["MODULE aliases -", "Lines    == 1..2", "KeyIds   == 3", "Caches   == 1..2", "\"pools\"", "0..(KeyIds - 1)"];
        foreach (string word in wanted)
        {
            Assert.Contains(word, module, StringComparison.Ordinal);
        }

        Assert.DoesNotContain('@', module);
    }

    [Fact]
    public void Every_step_of_the_explorer_is_an_action_of_the_module()
    {
        string module = TlaExport.Write(new(2, 3, 2, ProtocolPolicy.Pools), "aliases");
        string next = module[module.IndexOf("Next ==", StringComparison.Ordinal)..module.IndexOf("Spec ==", StringComparison.Ordinal)];
        foreach (StepKind kind in Enum.GetValues<StepKind>())
        {
            string action = kind == StepKind.Free ? "FreePage" : kind.ToString();
            Assert.Matches($@"(?m)^{action}\([a-z, ]+\) ==", module);
            Assert.Contains(action + "(", next, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_the_module_defines_is_used_and_the_configuration_names_every_invariant()
    {
        string module = TlaExport.Write(new(2, 3, 2, ProtocolPolicy.Pools), "aliases");
        string configuration = TlaExport.WriteConfiguration();
        string[] names = [.. Definition().Matches(module).Select(match => match.Groups[1].Value)];
        Assert.True(names.Length > 30, string.Join(' ', names));
        foreach (string name in names)
        {
            int uses = Regex.Count(module, $@"\b{name}\b") + Regex.Count(configuration, $@"\b{name}\b");
            Assert.True(uses > 1, name);
        }

        string invariants = module[module.IndexOf("---- invariants", StringComparison.Ordinal)..];
        foreach (Match invariant in Definition().Matches(invariants))
        {
            Assert.Matches($@"\b{invariant.Groups[1].Value}\b", configuration);
        }
    }

    [Theory]
    [InlineData("model", true)]
    [InlineData("Model_2", true)]
    [InlineData("2nd", false)]
    [InlineData("a-b", false)]
    [InlineData("", false)]
    public void A_module_has_a_name_that_TLC_takes(string name, bool isTaken) => Assert.Equal(isTaken, TlaExport.IsModuleName(name));

    [GeneratedRegex(@"(?m)^([A-Z]\w*)(?:\([^)]*\))?\s*==")]
    private static partial Regex Definition();
}
