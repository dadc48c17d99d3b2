using System.Collections.Generic;
using System.CommandLine;
using Spectre.Console;
using Strongroom.Pager;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom check: whether run can work here.</summary>
internal static class CheckCommand
{
    private static readonly Option<bool> s_json = new("--json") { Description = "Print JSON" };

    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        Command command = new(
            "check", "Try everything that run needs of the kernel, the processor and your privileges; exit status 1 if it cannot work")
        {
            s_json,
        };
        command.SetAction(parsed => Invoke(parsed.GetValue(s_json)));
        return command;
    }

    private static int Invoke(bool json)
    {
        IReadOnlyList<Requirement> requirements = Requirements.Probe();
        bool works = true;
        foreach (Requirement requirement in requirements)
        {
            works &= requirement.IsMet || !requirement.IsNeeded;
        }

        if (json)
        {
            Json.Print(new CheckOutput { Works = works, Requirements = requirements }, JsonOutput.Default.CheckOutput);
        }
        else
        {
            Print(requirements, works);
        }

        return works ? ExitStatus.Success : ExitStatus.Found;
    }

    // One line each, not a table: the reasons are sentences, which a narrow table would break into columns of words.
    private static void Print(IReadOnlyList<Requirement> requirements, bool works)
    {
        foreach (Requirement requirement in requirements)
        {
            string state = requirement.IsMet ? "[green]present[/]" : requirement.IsNeeded ? "[red]missing[/]" : "[yellow]missing[/]";
            string fix = requirement.Fix.Length == 0 ? string.Empty : " " + requirement.Fix;
            string text = $"{requirement.Name} ({requirement.Purpose}): {requirement.Reason}.{fix}";
            Screen.WriteLine($"{state} {Markup.Escape(text)}");
        }

        Screen.WriteLine(works ? "strongroom run can work here." : "[red]strongroom run cannot work here.[/]");
    }
}

/// <summary>What check prints as JSON.</summary>
internal sealed class CheckOutput
{
    /// <summary>Gets a value indicating whether run can work.</summary>
    public bool Works { get; init; }

    /// <summary>Gets everything that was tried.</summary>
    public required IReadOnlyList<Requirement> Requirements { get; init; }
}
