using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;

namespace Strongroom.Tests.Harness;

/// <summary>
/// A C program of the Programs folder, compiled once for each state of its source. A line of it may say how to run
/// it: <c>// run: cflags=-pthread,-static window=2M idle=50ms exit=0 timeout=60 root survivors unsealed one-processor
/// remark=word device=/dev/name</c>.
/// </summary>
internal sealed class CProgram
{
    private static readonly Lock s_building = new();
    private static readonly Lazy<string> s_supervisor = new(
        () => Compile(Path.Combine(Workplace.Sources, "Harness", "supervise.c"), []));

    private readonly Lazy<string> _executable;

    private CProgram(string name, string source)
    {
        Name = name;
        Settings = RunLine.Read(source, "// run:");
        string[] flags = Settings.Text("cflags", string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries);
        _executable = new Lazy<string>(() => Compile(source, flags));
    }

    /// <summary>The program that runs every other one of these tests.</summary>
    public static string Supervisor => s_supervisor.Value;

    /// <summary>The name, which is that of the source file and of the process.</summary>
    public string Name { get; }

    /// <summary>How the program asks to be run.</summary>
    public RunLine Settings { get; }

    /// <summary>Path of the compiled program.</summary>
    public string Executable => _executable.Value;

    /// <summary>The program of a name.</summary>
    public static CProgram Get(string name) =>
        new(name, Path.Combine(Workplace.Sources, "Programs", name + ".c"));

    /// <summary>A program that does not check itself alone: a test drives or attacks it.</summary>
    public static CProgram Target(string name) =>
        new(name, Path.Combine(Workplace.Sources, "Targets", name + ".c"));

    /// <summary>A program that makes the system calls of the patch series and checks what they do.</summary>
    public static CProgram OfKeys(string name) =>
        new(name, Path.Combine(Workplace.Sources, "KeyPrograms", name + ".c"));

    /// <summary>An example of the examples folder.</summary>
    public static CProgram Example(string name) => new(name, Path.Combine(Workplace.Root, "examples", name + ".c"));

    /// <summary>Names of all programs of a folder that check themselves.</summary>
    public static IEnumerable<string> AllNames(string folder = "Programs") =>
        Directory.EnumerateFiles(Path.Combine(Workplace.Sources, folder), "*.c")
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Order(StringComparer.Ordinal);

    private static string Compile(string source, IReadOnlyList<string> flags)
    {
        string header = Path.Combine(Workplace.Sources, "Programs", "common.h");
        string include = Path.Combine(Workplace.Root, "include");
        string[] arguments =
        [
            "-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-I", Path.GetDirectoryName(header)!, "-I", include, .. flags,
        ];
        string[] read = [source, header, Path.Combine(include, "strongroom.h"), Path.Combine(Workplace.Sources, "KeyPrograms", "keys.h")];
        string state = string.Concat(read.Select(File.ReadAllText)) + string.Join(' ', arguments);
        string hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(state)))[..16];
        string name = Path.GetFileNameWithoutExtension(source);
        string executable = Path.Combine(Workplace.Artifacts, $"{name}-{hash}", name);
        lock (s_building)
        {
            if (!File.Exists(executable))
            {
                _ = Directory.CreateDirectory(Path.GetDirectoryName(executable)!);
                RunCompiler(["-o", executable + ".new", source, .. arguments, "-pthread"], source);
                File.Move(executable + ".new", executable, overwrite: true);
            }
        }

        return executable;
    }

    private static void RunCompiler(IReadOnlyList<string> arguments, string source)
    {
        ProcessStartInfo start = new("gcc", arguments) { RedirectStandardError = true };
        using Process compiler = Process.Start(start) ?? throw new InvalidOperationException("gcc did not start.");
        string messages = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        if (compiler.ExitCode != 0)
        {
            throw new InvalidOperationException($"gcc refused {source}:\n{messages}");
        }
    }
}
