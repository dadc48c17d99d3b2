using System;
using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading.Tasks;
using Spectre.Console;
using Strongroom.Cli.Demo;
using Strongroom.Cli.Scanning;
using Strongroom.Kernel;
using Strongroom.Pager;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom demo: the point, in less than twenty seconds.</summary>
internal static class DemoCommand
{
    private const int AskedEntry = 7;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(250);

    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        Command command = new(
            "demo", "Attack a small program that holds a secret, first as it is, then under run; exit status 1 unless it shows the point");
        command.SetAction(_ => Invoke());
        return command;
    }

    private static int Invoke()
    {
        if (Requirements.FindMissing() is Requirement missing)
        {
            CommandLine.Say(missing.DescribeRefusal());
            return ExitStatus.Trouble;
        }

        try
        {
            using DemoVault vault = new();
            Screen.WriteLine(
                $"A small program keeps a password file of {DemoVault.EntryCount} entries in memory. Root looks for them there.");
            Attack bare = Attack.On(vault, isProtected: false);
            Screen.WriteLine("Now the same program under `strongroom run --window 8M --idle 100ms`.");
            Attack sealedOne = Attack.On(vault, isProtected: true);
            Print(bare, sealedOne);
            return sealedOne.ShowsThePoint && bare.AtRest.Copies > 0 ? ExitStatus.Success : ExitStatus.Found;
        }
        catch (Exception e) when (e is KernelException or IOException or InvalidDataException or Win32Exception)
        {
            CommandLine.Say("the demo could not be shown: " + e.Message);
            return ExitStatus.Trouble;
        }
    }

    private static void Print(Attack bare, Attack sealedOne)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("copies of the secret that root reads");
        _ = table.AddColumn("as it is", column => column.RightAligned()).AddColumn("strongroom run", column => column.RightAligned());
        _ = table.AddRow("in the program, at rest", Red(bare.AtRest.Copies), sealedOne.AtRest.Describe());
        if (bare.CopiesInCore is not null)
        {
            _ = table.AddRow("in a core dump taken with gcore", Red(bare.CopiesInCore.Value), sealedOne.CopiesInCore is long copies
                ? Green(copies) : "[green]refused[/]");
        }

        _ = table.AddRow("in its pager's memory", "-", Green(sealedOne.CopiesInPager));
        _ = table.AddRow($"asked for entry {AskedEntry}, it answers", Right(bare.IsAnswerRight), Right(sealedOne.IsAnswerRight));
        _ = table.AddRow("at that moment", Red(bare.CopiesAtWork), $"[yellow]{sealedOne.CopiesAtWork}[/] (the clear window)");
        _ = table.AddRow("at rest again", Red(bare.AtRestAgain.Copies), sealedOne.AtRestAgain.Describe());
        Screen.Terminal.Write(table);
        Screen.WriteLine("What the program does not use is ciphertext, under a key that lives in its pager's secret memory.");
        Screen.WriteLine("Not stopped: reading what is in use, and asking the pager to open pages, as a debugger's process_vm_readv does.");
    }

    private static string Red(long copies) => string.Create(CultureInfo.InvariantCulture, $"[red]{copies}[/]");

    private static string Green(long copies) => copies == 0 ? "[green]0[/]" : Red(copies);

    private static string Right(bool isRight) => isRight ? "[green]rightly[/]" : "[red]wrongly[/]";

    /// <summary>What was found in a program that had nothing to do.</summary>
    /// <param name="Copies">Copies of the secret in the last look.</param>
    /// <param name="Waited">How long after the work that was.</param>
    private readonly record struct Rest(long Copies, TimeSpan Waited)
    {
        // Looks until nothing is found or patience ends. A program that is not protected is looked at once.
        internal static Rest Of(DemoProgram program, bool isProtected)
        {
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                Task.Delay(s_step).Wait();
                TimeSpan waited = Stopwatch.GetElapsedTime(start);
                long copies = program.CountCopies();
                if (copies == 0 || !isProtected || waited > s_patience)
                {
                    return new(copies, waited);
                }
            }
        }

        internal string Describe() => string.Create(
            CultureInfo.InvariantCulture, $"{Green(Copies)} (after {Waited.TotalSeconds:0.0} s)");
    }

    /// <summary>What an attack on one of the two programs brought.</summary>
    private sealed class Attack
    {
        internal Rest AtRest { get; private set; }

        internal long? CopiesInCore { get; private set; }

        internal long CopiesInPager { get; private set; }

        internal bool IsAnswerRight { get; private set; }

        internal long CopiesAtWork { get; private set; }

        internal Rest AtRestAgain { get; private set; }

        internal bool ShowsThePoint =>
            AtRest.Copies == 0 && CopiesInCore is null or 0 && CopiesInPager == 0 && AtRestAgain.Copies == 0 && IsAnswerRight;

        internal static Attack On(DemoVault vault, bool isProtected)
        {
            using DemoProgram program = isProtected ? DemoProgram.StartProtected(vault) : DemoProgram.Start(vault);
            return new()
            {
                AtRest = Rest.Of(program, isProtected),
                CopiesInCore = CountInCore(vault, program.Id),
                CopiesInPager = isProtected ? program.CountCopies(program.StartedId) : 0,
                IsAnswerRight = program.Answers(AskedEntry),
                CopiesAtWork = program.CountCopies(),
                AtRestAgain = Rest.Of(program, isProtected),
            };
        }

        // Null when there is no gcore, or when it may not attach: a traced process has no room for a second tracer.
        private static long? CountInCore(DemoVault vault, int pid)
        {
            string core = $"{vault.CorePath}.{pid}";
            ProcessStartInfo start = new("gcore", ["-o", vault.CorePath, $"{pid}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            try
            {
                using Process gcore = Process.Start(start)!;
                gcore.StandardInput.Close();
                Task<string> output = gcore.StandardOutput.ReadToEndAsync();
                _ = gcore.StandardError.ReadToEnd();
                output.Wait();
                gcore.WaitForExit();
            }
            catch (Win32Exception)
            {
                return null; // not installed
            }

            if (!File.Exists(core))
            {
                return null;
            }

            using PatternCounter counter = vault.CreateCounter();
            long copies = ImageScanner.Scan(core, counter).Copies;
            File.Delete(core);
            return copies;
        }
    }
}
