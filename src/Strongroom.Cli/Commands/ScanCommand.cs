using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Text;
using Spectre.Console;
using Strongroom.Cli.Scanning;
using Strongroom.Kernel;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom scan: what an attacker who may trace a process reads in it.</summary>
internal sealed class ScanCommand
{
    private readonly Option<int> _pid = new("--pid")
    {
        Description = "The process to search, as root reads it through /proc/PID/mem while it runs: every page in memory or on swap, "
            + "also those that the process may not read. Reading this way opens no sealed page",
        HelpName = "PID",
    };

    private readonly Option<string> _core = new("--core")
    {
        Description = "A core dump (ELF), or any other image, to search instead",
        HelpName = "FILE",
    };

    private readonly Option<string> _text = new("--text") { Description = "Look for this text, as UTF-8", HelpName = "TEXT" };
    private readonly Option<string> _hex = new("--hex") { Description = "Look for these bytes, as 6b6579", HelpName = "HEX" };

    private readonly Option<string> _file = new("--file")
    {
        Description = "Look for the contents of this file; unlike the others this keeps the pattern out of your shell's memory",
        HelpName = "FILE",
    };

    private readonly Option<bool> _faultIn = new("--fault-in")
    {
        Description = "Ask for every page as process_vm_readv(2) does, which makes the pager open what is sealed",
    };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "List places where it was found" };
    private readonly Option<bool> _json = new("--json") { Description = "Print JSON" };

    private ScanCommand()
    {
    }

    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        ScanCommand scan = new();
        Command command = new("scan", "Search a process or a core dump for a pattern; exit status 1 if it is found, 0 if not, 2 on trouble")
        {
            scan._pid, scan._core, scan._text, scan._hex, scan._file, scan._faultIn, scan._verbose, scan._json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(scan._pid) is null == result.GetResult(scan._core) is null)
            {
                result.AddError("name what to search: either --pid PID or --core FILE.");
            }

            int patterns = (result.GetResult(scan._text) is null ? 0 : 1) + (result.GetResult(scan._hex) is null ? 0 : 1)
                + (result.GetResult(scan._file) is null ? 0 : 1);
            if (patterns != 1)
            {
                result.AddError("name what to look for: one of --text, --hex and --file.");
            }
        });
        command.SetAction(scan.Invoke);
        return command;
    }

    private int Invoke(ParseResult parsed)
    {
        try
        {
            using PatternCounter counter = ReadPattern(parsed);
            string? core = parsed.GetValue(_core);
            int pid = parsed.GetValue(_pid);
            ScanResult result = core is not null ? ImageScanner.Scan(core, counter) : ScanProcess(pid, parsed, counter);
            string where = core ?? $"process {pid}";
            if (parsed.GetValue(_json))
            {
                Json.Print(ScanOutput.Of(where, result), JsonOutput.Default.ScanOutput);
            }
            else
            {
                Print(where, result, parsed.GetValue(_verbose));
            }

            return result.Copies > 0 ? ExitStatus.Found : ExitStatus.Success;
        }
        catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            CommandLine.Say(e.Message);
            return ExitStatus.Trouble;
        }
    }

    private ScanResult ScanProcess(int pid, ParseResult parsed, PatternCounter counter)
    {
        if (pid == Environment.ProcessId)
        {
            throw new InvalidDataException("a scan cannot search itself: its own command line holds the pattern.");
        }

        ScanReach reach = parsed.GetValue(_faultIn) ? ScanReach.FaultIn : ScanReach.Resident;
        return ProcessScanner.Scan(pid, reach, counter)
            ?? throw new InvalidDataException($"there is no process {pid} with memory of its own.");
    }

    private PatternCounter ReadPattern(ParseResult parsed)
    {
        if (parsed.GetValue(_file) is string path)
        {
            return ReadPatternFile(path);
        }

        byte[] bytes = parsed.GetValue(_text) is string text ? Encoding.UTF8.GetBytes(text) : ParseHex(parsed.GetValue(_hex)!);
        if (bytes.Length == 0)
        {
            throw new InvalidDataException("the pattern is empty.");
        }

        PatternCounter counter = new(bytes.Length);
        bytes.CopyTo(counter.Pattern);
        return counter;
    }

    private static byte[] ParseHex(string hex)
    {
        try
        {
            return Convert.FromHexString(hex);
        }
        catch (FormatException)
        {
            throw new InvalidDataException($"'{hex}' is not a string of pairs of hexadecimal digits.");
        }
    }

    private static PatternCounter ReadPatternFile(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        if (file.Length is 0 or > PatternCounter.MaximumPatternBytes)
        {
            throw new InvalidDataException($"{path} must hold 1 to {PatternCounter.MaximumPatternBytes} bytes, not {file.Length}.");
        }

        PatternCounter counter = new((int)file.Length);
        file.ReadExactly(counter.Pattern);
        return counter;
    }

    private static void Print(string where, ScanResult result, bool verbose)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("memory");
        _ = table.AddColumn("copies", column => column.RightAligned()).AddColumn("read", column => column.RightAligned())
            .AddColumn("unreadable", column => column.RightAligned());
        foreach (KindCount kind in result.Kinds)
        {
            if (kind.ReadBytes + kind.UnreadableBytes > 0)
            {
                string copies = kind.Copies > 0 ? $"[red]{kind.Copies}[/]" : "0";
                string unreadable = kind.UnreadableBytes == 0 ? string.Empty : Quantity.FormatSize(kind.UnreadableBytes);
                _ = table.AddRow(kind.Kind, copies, Quantity.FormatSize(kind.ReadBytes), unreadable);
            }
        }

        Screen.Terminal.Write(table);
        if (verbose)
        {
            foreach (Finding finding in result.Findings)
            {
                Screen.WriteLine(Markup.Escape($"0x{finding.Address:x} {finding.Kind} {finding.Name}"));
            }
        }

        Screen.WriteLine(Markup.Escape(Sentence(where, result.Copies)));
    }

    private static string Sentence(string where, long copies) => copies switch
    {
        0 => $"No copy of the pattern is readable in {where}.",
        1 => $"1 copy of the pattern is readable in {where}.",
        _ => $"{copies} copies of the pattern are readable in {where}.",
    };
}

/// <summary>What scan prints as JSON.</summary>
internal sealed class ScanOutput
{
    /// <summary>Gets what was searched.</summary>
    public required string Target { get; init; }

    /// <summary>Gets the copies in all kinds of memory.</summary>
    public long Copies { get; init; }

    /// <summary>Gets what was found in each kind of memory.</summary>
    public required IReadOnlyList<KindCount> Kinds { get; init; }

    /// <summary>Gets some of the places.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>Makes it from a result.</summary>
    internal static ScanOutput Of(string target, ScanResult result) =>
        new() { Target = target, Copies = result.Copies, Kinds = result.Kinds, Findings = result.Findings };
}
