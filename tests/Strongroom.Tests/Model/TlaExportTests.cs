using System;
using System.Linq;
using System.Text.RegularExpressions;
using Strongroom.Machine.Checking;
using Xunit;

namespace Strongroom.Tests.Model;

public partial class TlaExportTests
{
    public static TheoryData<string> Kinds => ["Caches", "Vmas", "Maps", "Frames"];

    [Fact]
    public void A_module_has_its_name_and_its_shape()
    {
        string module = TlaExport.Write(new ProtocolModel(new(2, 3, 2, ProtocolPolicy.Pools, Speculation.All)), "aliases");
        string[] wanted = ["MODULE aliases -", "Lines    == 1..2", "KeyIds   == 3", "Caches   == 1..2", "\"pools\"", "0..(KeyIds - 1)"];
        foreach (string word in wanted)
        {
            Assert.Contains(word, module, StringComparison.Ordinal);
        }

        module = TlaExport.Write(new VmaModel(new(Pages: 3, Processes: 1, KeyIds: 2)), "vmas");
        Assert.Contains("Pages     == 1..3", module, StringComparison.Ordinal);
        Assert.Contains("Processes == 1..1", module, StringComparison.Ordinal);
        Assert.Contains("\"last\"", TlaExport.Write(new FrameModel(2, ProtocolPolicy.LastKeyId), "frames"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_step_of_an_explored_model_is_an_action_of_its_module(string kind)
    {
        (ExploredModel model, Type steps) = Make(kind);
        string module = TlaExport.Write(model, "aliases");
        Assert.DoesNotMatch("@[A-Z]+@", module);
        string next = module[module.IndexOf("Next ==", StringComparison.Ordinal)..module.IndexOf("Spec ==", StringComparison.Ordinal)];
        foreach (string step in Enum.GetNames(steps))
        {
            string action = kind == "Caches" && step == "Free" ? "FreePage" : step;
            Assert.Matches($@"(?m)^{action}(\([a-z, ]+\))? ==", module);
            Assert.Matches($@"\b{action}\b", next);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_a_module_defines_is_used_and_the_configuration_names_every_invariant(string kind)
    {
        ExploredModel model = Make(kind).Model;
        string module = TlaExport.Write(model, "aliases");
        string configuration = TlaExport.WriteConfiguration(model);
        string[] names = [.. Definition().Matches(module).Select(match => match.Groups[1].Value)];
        Assert.True(names.Length > 20, string.Join(' ', names));
        foreach (string name in names)
        {
            int uses = Regex.Count(module, $@"\b{name}\b") + Regex.Count(configuration, $@"\b{name}\b");
            Assert.True(uses > 1, name);
        }

        string invariants = configuration[configuration.IndexOf("INVARIANTS", StringComparison.Ordinal)..];
        foreach (string name in invariants.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)[1..])
        {
            Assert.Matches($@"(?m)^{name} ==", module);
        }
    }

    [Theory]
    [InlineData("model", true)]
    [InlineData("Model_2", true)]
    [InlineData("2nd", false)]
    [InlineData("a-b", false)]
    [InlineData("", false)]
    public void A_module_has_a_name_that_TLC_takes(string name, bool isTaken) => Assert.Equal(isTaken, TlaExport.IsModuleName(name));

    private static (ExploredModel Model, Type Steps) Make(string kind) => kind switch
    {
        "Vmas" => (new VmaModel(new()), typeof(VmaStep)),
        "Maps" => (new MapModel(3), typeof(MapStep)),
        "Frames" => (new FrameModel(3, ProtocolPolicy.Pools), typeof(FrameStep)),
        _ => (new ProtocolModel(new(2, 3, 2, ProtocolPolicy.Pools)), typeof(StepKind)),
    };

    [GeneratedRegex(@"(?m)^([A-Z]\w*)(?:\([^)]*\))?\s*==")]
    private static partial Regex Definition();
}
