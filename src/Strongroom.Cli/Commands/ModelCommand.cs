using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;

namespace Strongroom.Cli.Commands;

/// <summary>strongroom model: the modelled machine with memory keys, and the kernel on it.</summary>
internal static class ModelCommand
{
    private static readonly Option<int> s_seed = new("--seed")
    {
        Description = "Seed of the random steps; the same seed makes the same steps (default: a random one, which is printed)",
        DefaultValueFactory = _ => Random.Shared.Next(),
    };

    private static readonly Option<int> s_steps = new("--steps")
    {
        Description = "How many random steps for each policy",
        DefaultValueFactory = _ => 300_000,
    };

    private static readonly Option<PolicyKind?> s_policy = new("--policy") { Description = "One flush policy (default: all of them)" };

    private static readonly Option<PolicyKind> s_tourPolicy = new("--policy") { Description = "The flush policy" };

    private static readonly Option<string?> s_machine = new("--machine")
    {
        Description = "A JSON file with sizes and shapes of the machine (docs/model.md)",
        HelpName = "file",
    };

    private static readonly Option<ModelKind?> s_model = new("--model")
    {
        Description = "One small machine (default: all of them); docs/model.md says what each has",
    };

    private static readonly Option<int> s_pages = new("--pages")
    {
        Description = "Vmas: pages that a process may map, 1 to 3",
        DefaultValueFactory = _ => 2,
    };

    private static readonly Option<int> s_processes = new("--processes")
    {
        Description = "Vmas: 1 or 2",
        DefaultValueFactory = _ => 2,
    };

    private static readonly Option<ProtocolPolicy> s_exploredPolicy = new("--policy")
    {
        Description = "Caches, Frames: the flush policy",
    };

    private static readonly Option<Mutant> s_mutant = new("--mutant")
    {
        Description = "Seed a fault of docs/mutants.md, to see it found",
        HelpName = "fault",
    };

    private static readonly Option<int> s_lines = new("--lines") { Description = "Caches: 1 or 2", DefaultValueFactory = _ => 2 };

    private static readonly Option<int> s_keyIds = new("--keyids")
    {
        Description = "2 or 3, KeyID 0 included",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<int> s_caches = new("--caches") { Description = "Caches: 1 to 4", DefaultValueFactory = _ => 2 };

    private static readonly Option<Speculation> s_speculation = new("--speculation")
    {
        Description = "Caches: which lines they fetch on their own",
        DefaultValueFactory = _ => Speculation.All,
    };

    private static readonly Option<bool> s_allNames = new("--no-symmetry")
    {
        Description = "Count states that differ in names only apart, as TLC does",
    };

    private static readonly Option<string?> s_tla = new("--tla")
    {
        Description = "Write the model as a TLA+ module to a file instead, and a .cfg for TLC beside it",
    };

    /// <summary>Makes the command.</summary>
    internal static Command Create()
    {
        Command explore = new("explore", "Visit every state of a small machine and check the invariants in each")
        {
            s_model, s_lines, s_keyIds, s_caches, s_pages, s_processes, s_exploredPolicy, s_speculation, s_mutant, s_allNames, s_tla,
        };
        explore.SetAction(Explore);
        Command fuzz = new("fuzz", "Random programs on the whole model, every value compared with a flat memory")
        {
            s_seed, s_steps, s_policy, s_mutant,
        };
        fuzz.SetAction(Fuzz);
        Command tour = new("tour", "One page's life: mmap, key, fault, write, flush, dump, free, reuse")
        {
            s_tourPolicy, s_machine,
        };
        tour.SetAction(Show);
        return new Command("model", "A modelled machine with memory keys in hardware, and the kernel's memory management on it")
        {
            explore, fuzz, tour,
        };
    }

    private static int Explore(ParseResult parsed)
    {
        ModelKind? chosen = parsed.GetValue(s_model);
        string? path = parsed.GetValue(s_tla);
        if (path is not null && chosen is null)
        {
            CommandLine.Say("--tla writes one model; --model says which.");
            return ExitStatus.Trouble;
        }

        try
        {
            bool isFine = true;
            foreach (ModelKind kind in chosen is { } one ? [one] : Enum.GetValues<ModelKind>())
            {
                ExploredModel model = Make(kind, parsed);
                if (path is not null)
                {
                    return Export(model, path);
                }

                Print($"{kind}:");
                isFine &= Explore(model, usesSymmetry: !parsed.GetValue(s_allNames));
            }

            return isFine ? ExitStatus.Success : ExitStatus.Found;
        }
        catch (InvalidDataException e)
        {
            CommandLine.Say(e.Message);
            return ExitStatus.Trouble;
        }
    }

    private static ExploredModel Make(ModelKind kind, ParseResult parsed)
    {
        int keyIds = parsed.GetValue(s_keyIds);
        Mutant mutant = parsed.GetValue(s_mutant);
        ProtocolPolicy policy = parsed.GetValue(s_exploredPolicy);
        return kind switch
        {
            ModelKind.Vmas => new VmaModel(new(parsed.GetValue(s_pages), parsed.GetValue(s_processes), keyIds, mutant)),
            ModelKind.Maps => new MapModel(keyIds, mutant),
            ModelKind.Frames => new FrameModel(keyIds, policy, mutant),
            _ => new ProtocolModel(new(
                parsed.GetValue(s_lines), keyIds, parsed.GetValue(s_caches), policy, parsed.GetValue(s_speculation), mutant)),
        };
    }

    private static bool Explore(ExploredModel model, bool usesSymmetry)
    {
        ExplorationResult result = new Explorer(model, usesSymmetry: usesSymmetry).Run();
        Print(result.Trace);
        double seconds = Math.Max(result.Elapsed.TotalSeconds, 1e-6);
        Print($"{result.States:n0} states{(usesSymmetry ? " up to symmetry" : string.Empty)}, {result.Steps:n0} steps, depth {result.Depth}, {seconds:f1} s " +
            $"({result.States / seconds / 1e6:f2} M states/s, {result.Steps / seconds / 1e6:f2} M steps/s)");
        Print(result.Broken ?? (result.IsComplete
            ? "Every reachable state keeps the invariants."
            : "Stopped before every state was visited."));
        return result.Broken is null && result.IsComplete;
    }

    private static int Export(ExploredModel model, string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        if (!TlaExport.IsModuleName(name))
        {
            CommandLine.Say($"--tla: TLA+ names a module as its file, and \"{name}\" is no name for one (letters, digits, _).");
            return ExitStatus.Trouble;
        }

        File.WriteAllText(path, TlaExport.Write(model, name));
        File.WriteAllText(Path.ChangeExtension(path, ".cfg"), TlaExport.WriteConfiguration(model));
        return ExitStatus.Success;
    }

    private static int Fuzz(ParseResult parsed)
    {
        int seed = parsed.GetValue(s_seed);
        Print($"seed {seed}");
        IEnumerable<PolicyKind> policies = parsed.GetValue(s_policy) is { } one ? [one] : Enum.GetValues<PolicyKind>();
        bool found = false;
        foreach (PolicyKind policy in policies)
        {
            using Fuzzer fuzzer = new(new(
                seed, parsed.GetValue(s_steps), new KernelOptions { Policy = policy, Mutant = parsed.GetValue(s_mutant) }));
            FuzzResult result = fuzzer.Run();
            Print(result.LastSteps);
            double perMinute = result.Steps / Math.Max(result.Elapsed.TotalMinutes, 1e-6) / 1e6;
            Print($"{policy}: {result.Steps:n0} steps, {perMinute:f1} M/min: {result.Failure ?? "as the flat memory says"}");
            found |= result.Failure is not null;
        }

        return found ? ExitStatus.Found : ExitStatus.Success;
    }

    private static int Show(ParseResult parsed)
    {
        try
        {
            MachineConfig? config = parsed.GetValue(s_machine) is { } path ? MachineConfig.Load(path) : null;
            using Tour tour = new(parsed.GetValue(s_tourPolicy), Console.Out.WriteLine, config);
            tour.Run();
            return ExitStatus.Success;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            CommandLine.Say(e.Message);
            return ExitStatus.Trouble;
        }
    }

    private static void Print(FormattableString text) => Console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static void Print(string text) => Console.Out.WriteLine(text);

    private static void Print(IReadOnlyList<string> lines)
    {
        foreach (string line in lines)
        {
            Print(line);
        }
    }
}
