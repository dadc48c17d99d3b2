using System.Linq;

namespace Strongroom.Machine.Checking;

/// <summary>Writes an explored model as a TLA+ module, so that others can check it with tools of their own.</summary>
/// <remarks>
/// One action for each kind of step, the same invariants, a seeded fault left out. TLC finds as many distinct states as
/// <see cref="Explorer"/> without symmetry; docs/model.md has the numbers.
/// </remarks>
internal static class TlaExport
{
    /// <summary>Writes the module.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">The module's name, which TLC wants to be the file's too.</param>
    internal static string Write(ExploredModel model, string name) => model.TlaModule.Replace("@NAME@", name);

    /// <summary>Writes the configuration that makes TLC check every invariant of the module.</summary>
    internal static string WriteConfiguration(ExploredModel model) => $"SPECIFICATION Spec\nINVARIANTS {model.TlaInvariants}\n";

    /// <summary>Tells whether TLA+ takes a word as the name of a module.</summary>
    internal static bool IsModuleName(string name) =>
        name.Length > 0 && char.IsAsciiLetter(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>Gets what the modules call a flush policy.</summary>
    internal static string NameOf(ProtocolPolicy policy) => policy switch
    {
        ProtocolPolicy.LastKeyId => "last",
        ProtocolPolicy.Pools => "pools",
        _ => "allocfree",
    };
}
