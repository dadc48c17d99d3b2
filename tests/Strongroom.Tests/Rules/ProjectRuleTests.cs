using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Xunit;

namespace Strongroom.Tests.Rules;

/// <summary>Dependencies point upward only, and unsafe code stays behind its fence.</summary>
public class ProjectRuleTests
{
    // What each project may refer to; ARCHITECTURE.md draws it.
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Strongroom.Core"] = [],
        ["Strongroom.Kernel"] = ["Strongroom.Core"],
        ["Strongroom.Secrets"] = ["Strongroom.Core", "Strongroom.Kernel"],
        ["Strongroom.Crypto"] = ["Strongroom.Core", "Strongroom.Kernel", "Strongroom.Secrets"],
        ["Strongroom.Keys"] = ["Strongroom.Core", "Strongroom.Kernel", "Strongroom.Secrets", "Strongroom.Crypto"],
        ["Strongroom.Memory"] = ["Strongroom.Core", "Strongroom.Keys"],
        ["Strongroom.Pager"] =
        [
            "Strongroom.Core", "Strongroom.Kernel", "Strongroom.Secrets", "Strongroom.Crypto", "Strongroom.Keys", "Strongroom.Memory",
        ],
        ["Strongroom.Machine"] =
        [
            "Strongroom.Core", "Strongroom.Secrets", "Strongroom.Crypto", "Strongroom.Keys", "Strongroom.Memory",
        ],
        ["Strongroom"] =
        [
            "Strongroom.Core", "Strongroom.Kernel", "Strongroom.Secrets", "Strongroom.Crypto", "Strongroom.Keys",
        ],
        ["Strongroom.Cli"] =
        [
            "Strongroom.Core", "Strongroom.Kernel", "Strongroom.Secrets", "Strongroom.Crypto", "Strongroom.Keys", "Strongroom.Memory",
            "Strongroom.Pager", "Strongroom.Machine", "Strongroom",
        ],
    };

    private static readonly string[] s_mayBeUnsafe = ["Strongroom.Kernel", "Strongroom.Crypto", "Strongroom.Secrets"];

    private static IEnumerable<string> Projects() =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories);

    [Fact]
    public void Dependencies_point_upward_only()
    {
        foreach (string path in Projects())
        {
            string name = Path.GetFileNameWithoutExtension(path);
            Assert.True(s_allowed.ContainsKey(name), $"{name} is not in the project graph of ARCHITECTURE.md.");
            foreach (XElement reference in XDocument.Load(path).Descendants("ProjectReference"))
            {
                string other = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
                Assert.True(s_allowed[name].Contains(other), $"{name} must not refer to {other}.");
            }
        }
    }

    [Fact]
    public void Unsafe_code_stays_in_the_projects_for_it()
    {
        foreach (string path in Projects())
        {
            string name = Path.GetFileNameWithoutExtension(path);
            bool allows = XDocument.Load(path).Descendants("AllowUnsafeBlocks").Any(element => element.Value == "true");
            Assert.Equal(s_mayBeUnsafe.Contains(name), allows);
        }
    }

    [Fact]
    public void Every_project_of_the_tree_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(Repository.Root, "Strongroom.slnx"));
        foreach (string path in Projects())
        {
            Assert.Contains(Repository.Relative(path), solution, System.StringComparison.Ordinal);
        }
    }
}
