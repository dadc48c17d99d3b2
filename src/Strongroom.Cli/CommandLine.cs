using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Strongroom.Cli.Commands;

namespace Strongroom.Cli;

/// <summary>The commands, and what is the same for all of them: help, mistakes, exit statuses.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command.</summary>
    /// <param name="arguments">The arguments after the command's own name.</param>
    /// <returns>The exit status.</returns>
    internal static int Invoke(string[] arguments)
    {
        // What follows `--` belongs to the program and is none of the parser's business.
        int separator = Array.IndexOf(arguments, "--");
        string[] own = separator < 0 ? arguments : arguments[..separator];
        Command root = Build(separator < 0 ? -1 : arguments.Length - separator - 1, isRun: own is [RunCommand.Name, ..]);

        ParseResult result = root.Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (result.Errors.Count > 0 && result.Action is not HelpAction)
        {
            return Complain(result);
        }

        return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    /// <summary>Prints a sentence about what went wrong to standard error.</summary>
    /// <param name="sentence">The sentence, without the program's name.</param>
    internal static void Say(string sentence) => StandardError.WriteLine("strongroom: " + sentence);

    // The other commands' options cost a run 5 ms of its start, and nobody can ask for them behind "run".
    private static Command Build(int programArgumentCount, bool isRun)
    {
        // Not a RootCommand, which would be named after the assembly.
        Command root = new("strongroom", "Runs unmodified programs with their memory encrypted under keys that they cannot reach.")
        {
            new HelpOption { Recursive = true },
            new VersionOption(),
            RunCommand.Create(programArgumentCount),
        };
        Command[] others = isRun
            ? []
            : [ScanCommand.Create(), DemoCommand.Create(), CheckCommand.Create(), KeysCommand.Create(), MapsCommand.Create(), ModelCommand.Create()];
        foreach (Command command in others)
        {
            root.Subcommands.Add(command);
        }

        root.SetAction(_ =>
        {
            Say("name a command: run, keys, maps, scan, demo, check or model. `strongroom --help` tells more.");
            return ExitStatus.Trouble;
        });
        return root;
    }

    private static int Complain(ParseResult result)
    {
        bool run = result.CommandResult.Command.Name == RunCommand.Name;
        foreach (string sentence in Distinct(result.Errors))
        {
            Say(sentence);
        }

        return run ? ExitStatus.Refused : ExitStatus.Trouble;
    }

    private static IEnumerable<string> Distinct(IReadOnlyList<ParseError> errors)
    {
        HashSet<string> seen = [];
        foreach (ParseError error in errors)
        {
            if (seen.Add(error.Message))
            {
                yield return error.Message;
            }
        }
    }
}
