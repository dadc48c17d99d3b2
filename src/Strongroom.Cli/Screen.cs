using System;
using Spectre.Console;

namespace Strongroom.Cli;

/// <summary>Standard output for what people look at; never used by run.</summary>
internal static class Screen
{
    private const int WidthWithoutTerminal = 120;

    /// <summary>Gets the console, as wide as the terminal, or 120 columns where there is none.</summary>
    internal static IAnsiConsole Terminal { get; } = Create();

    /// <summary>Writes one line of Spectre markup without breaking it: a terminal wraps it, a pipe keeps it whole.</summary>
    internal static void WriteLine(string markup)
    {
        if (Console.IsOutputRedirected)
        {
            Console.Out.WriteLine(Markup.Remove(markup));
        }
        else
        {
            Terminal.MarkupLine(markup);
        }
    }

    private static IAnsiConsole Create()
    {
        if (!Console.IsOutputRedirected)
        {
            return AnsiConsole.Create(new AnsiConsoleSettings());
        }

        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors });
        console.Profile.Width = WidthWithoutTerminal;
        return console;
    }
}
