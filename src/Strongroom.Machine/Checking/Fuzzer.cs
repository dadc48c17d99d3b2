using System;
using System.Collections.Generic;
using System.Globalization;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;

namespace Strongroom.Machine.Checking;

/// <summary>What a random run is made of.</summary>
/// <param name="Seed">The seed: the same one makes the same steps.</param>
/// <param name="Steps">How many steps.</param>
/// <param name="Kernel">How the kernel is built.</param>
internal sealed record FuzzPlan(int Seed, int Steps, KernelOptions Kernel);

/// <summary>How a random run ended.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="Failure">What was wrong, or null.</param>
/// <param name="LastSteps">The last steps, oldest first, when something was wrong.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record FuzzResult(int Steps, string? Failure, IReadOnlyList<string> LastSteps, TimeSpan Elapsed);

/// <summary>
/// The random tester: programs, the kernel and hardware do random things on a small machine, and every value that is
/// read is compared with a naive flat memory that knows nothing of caches, keys or pages' places.
/// </summary>
/// <remarks>
/// <para>Few pages and eight words a page, in different lines; caches so small that evictions happen all the time;
/// several CPUs and KeyIDs. Speculation is played by loads through arbitrary aliases whose values are not used. The
/// rules I3-I6 and I8 are checked every so often, I2 at every read.</para>
/// <para>The ciphertext depends on random keys, the steps only on the seed. Thread safety: none.</para>
/// </remarks>
internal sealed partial class Fuzzer : IDisposable
{
    private const ulong PageBytes = 4096;
    private const int Words = 8;
    private const int MostProcesses = 4;
    private const int MostPages = 96;
    private const int LogLength = 24;

    private static readonly MachineConfig s_machine = new()
    {
        Packages = 2,
        CpusPerPackage = 2,
        MemoryPerPackageBytes = 8 << 20,
        HotplugPerPackageBytes = 4 << 20,
        SectionBytes = 4 << 20,
        MaxKeyIdBits = 3,
        MaxKeys = 7,
        PhysicalAddressBits = 46,
        L1 = new(1 << 10, 2),
        L2 = new(4 << 10, 4),
        Llc = new(32 << 10, 8),
        TlbEntries = 16,
        StlbEntries = 32,
    };

    private readonly Random _random;
    private readonly ModelKernel _kernel;
    private readonly FuzzPlan _plan;
    private readonly List<FlatProcess> _processes = [];
    private readonly List<FlatKernelPage> _kernelPages = [];
    private readonly List<(KeySerial Serial, KeyId KeyId)> _keys = [];
    private readonly List<FlatPin> _pins = [];
    private readonly DmaDevice _device;
    private readonly (FuzzStep Kind, ulong A, ulong B)[] _log = new (FuzzStep, ulong, ulong)[LogLength];
    private int _done;
    private int _keysMade;

    /// <summary>Boots a machine for a plan.</summary>
    internal Fuzzer(FuzzPlan plan)
    {
        _plan = plan;
        _random = new Random(plan.Seed);
        _kernel = ModelKernel.Boot(s_machine, plan.Kernel with
        {
            MemoryHotplug = MemoryHotplugRule.AcceptIfSafe,
            DirectMap = plan.Kernel.DirectMap with { MinimumBytes = 16 << 20 }, // less than there is memory: the size is rounded up
            PoolCapPerKeyId = 24,
            PoolCapTotal = 64,
            Allocator = plan.Kernel.Allocator with { PerCpuHigh = 8, PerCpuBatch = 4 },
        });
        _device = new DmaDevice(_kernel);
        _processes.Add(new FlatProcess(_kernel.StartProcess()));
    }

    /// <summary>Gets the plan's machine; for documentation and tests.</summary>
    internal static MachineConfig Machine => s_machine;

    /// <inheritdoc/>
    public void Dispose() => _kernel.Dispose();

    /// <summary>Runs the plan.</summary>
    internal FuzzResult Run()
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        string? failure = null;
        try
        {
            while (_done < _plan.Steps && failure is null)
            {
                failure = Step();
                _done++;
                if (failure is null && _done % 2000 == 0)
                {
                    failure = _kernel.FindBrokenRule() ?? _kernel.Platform.Caches.FindBrokenRule();
                }
            }

            failure ??= _kernel.FindBrokenRule();
        }
        catch (Exception e) when (e is ModelViolationException or KernelPageFaultException
            or CpuFaultException or InvalidOperationException)
        {
            failure = e.Message;
        }

        return new(
            _done, failure, failure is null ? [] : DescribeLog(), System.Diagnostics.Stopwatch.GetElapsedTime(start));
    }

    private int AnyCpu()
    {
        int cpu = _random.Next(_kernel.Platform.CpuCount);
        while (!_kernel.Platform.IsOnline(cpu))
        {
            cpu = (cpu + 1) % _kernel.Platform.CpuCount;
        }

        return cpu;
    }

    private void Log(FuzzStep kind, ulong a = 0, ulong b = 0) => _log[_done % LogLength] = (kind, a, b);

    private List<string> DescribeLog()
    {
        List<string> lines = [];
        for (int at = Math.Max(0, _done - LogLength); at <= _done; at++)
        {
            (FuzzStep kind, ulong a, ulong b) = _log[at % LogLength];
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{at}: {kind} 0x{a:x} 0x{b:x}"));
        }

        return lines;
    }

    private string? Step()
    {
        int choice = _random.Next(10_000);
        FlatProcess process = _processes[_random.Next(_processes.Count)];
        process.Real.Cpu = AnyCpu();
        string? failure = Step(choice, process);

        // At once, not every so often: a slot that is let go too early would end the key service.
        return failure is null && choice is (>= 9050 and < 9620) or >= 9920 ? _kernel.FindBrokenVmaCount() : failure;
    }

    private string? Step(int choice, FlatProcess process) =>
        choice switch
        {
            < 4000 => ReadWord(process),
            < 7900 => WriteWord(process),
            < 8200 => KernelPageStep(),
            < 8450 => DeviceStep(process),
            < 8850 => Speculate(),
            < 9050 => MachineStep(),
            < 9200 => MapStep(process),
            < 9300 => UnmapStep(process),
            < 9440 => EncryptStep(process),
            < 9520 => ProtectStep(process),
            < 9570 => RemapStep(process),
            < 9620 => DropStep(process),
            < 9670 => KeyStep(),
            < 9780 => MovePageStep(process),
            < 9860 => SwapStep(process),
            < 9920 => MergeStep(process),
            < 9960 => ForkStep(process),
            < 9984 => EndStep(process),
            < 9986 => HugeStep(process),
            < 9991 => SecretStep(process),
            < 9995 => CpuStep(),
            _ => MemoryStep(),
        };

    private string? ReadWord(FlatProcess process)
    {
        if (!process.TryPick(_random, out ulong page))
        {
            return null;
        }

        int word = _random.Next(Words);
        ulong address = page + ((ulong)word * 512);
        Log(FuzzStep.Read, process.Real.Number, address);
        AccessResult result = process.Real.Read(AnyCpu(), address, out ulong value);
        FlatPage expected = process.Pages[page];
        return expected.Protection == Protection.None ? Expect(AccessResult.SegmentationFault, result)
            : Expect(AccessResult.Done, result) ?? Compare("I2: a program reads", address, expected.Values[word], value);
    }

    private string? WriteWord(FlatProcess process)
    {
        if (!process.TryPick(_random, out ulong page))
        {
            return null;
        }

        int word = _random.Next(Words);
        ulong address = page + ((ulong)word * 512);
        Log(FuzzStep.Write, process.Real.Number, address);
        FlatPage expected = process.Pages[page];
        ulong value = _random.Next(4) == 0 ? 0 : (ulong)_random.NextInt64();
        AccessResult result = process.Real.Write(AnyCpu(), address, value);
        if ((expected.Protection & Protection.Write) == 0)
        {
            return Expect(AccessResult.SegmentationFault, result);
        }

        expected.Values[word] = value;
        return Expect(AccessResult.Done, result);
    }

    private static string? Expect<T>(T expected, T actual) =>
        EqualityComparer<T>.Default.Equals(expected, actual) ? null : $"expected {expected}, got {actual}";

    // Values are the tester's own random numbers, not anybody's data, so a message may show them.
    private static string? Compare(string who, ulong address, ulong expected, ulong actual) => expected == actual
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{who} 0x{actual:x} at 0x{address:x} instead of 0x{expected:x}");

    /// <summary>A page of the flat memory: what its owner last wrote.</summary>
    private sealed class FlatPage
    {
        internal FlatPage(Protection protection, KeyId keyId)
        {
            Protection = protection;
            KeyId = keyId;
        }

        internal ulong[] Values { get; private init; } = new ulong[Words];

        internal Protection Protection { get; set; }

        internal KeyId KeyId { get; set; }

        internal FlatPage Clone() => new(Protection, KeyId) { Values = (ulong[])Values.Clone() };
    }

    private sealed class FlatProcess
    {
        private readonly List<ulong> _order = [];

        internal FlatProcess(Process real)
        {
            Real = real;
        }

        internal Process Real { get; }

        internal Dictionary<ulong, FlatPage> Pages { get; } = [];

        internal void Add(ulong page, FlatPage flat)
        {
            Pages.Add(page, flat);
            _order.Add(page);
        }

        internal void Remove(ulong page)
        {
            _ = Pages.Remove(page); // the caller knows that it is there
            _ = _order.Remove(page); // the same
        }

        internal bool TryPick(Random random, out ulong page)
        {
            page = _order.Count == 0 ? 0 : _order[random.Next(_order.Count)];
            return _order.Count != 0;
        }
    }

    private sealed record FlatKernelPage(int Frame, int Order, ulong[] Values);

    private sealed record FlatPin(int Frame, ulong Entry, ulong[] Values, FlatProcess Process, ulong Page);
}

/// <summary>The kinds of random steps.</summary>
internal enum FuzzStep
{
    /// <summary>A program reads a word.</summary>
    Read,

    /// <summary>A program writes a word.</summary>
    Write,

    /// <summary>The kernel uses a page of its own.</summary>
    KernelPage,

    /// <summary>A device reads or writes a pinned page.</summary>
    Device,

    /// <summary>A CPU fetches a line under some KeyID on its own.</summary>
    Speculate,

    /// <summary>A line is flushed or evicted, or a whole cache written back.</summary>
    Machine,

    /// <summary>mmap.</summary>
    Map,

    /// <summary>munmap.</summary>
    Unmap,

    /// <summary>encrypt_mprotect.</summary>
    Encrypt,

    /// <summary>mprotect.</summary>
    Protect,

    /// <summary>mremap.</summary>
    Remap,

    /// <summary>MADV_DONTNEED.</summary>
    Drop,

    /// <summary>A key is made or invalidated.</summary>
    Key,

    /// <summary>A page is migrated, or memory compacted.</summary>
    MovePage,

    /// <summary>A page is swapped out.</summary>
    Swap,

    /// <summary>KSM tries to merge two pages.</summary>
    Merge,

    /// <summary>fork.</summary>
    Fork,

    /// <summary>exit or exec.</summary>
    End,

    /// <summary>Huge pages: map, collapse, split.</summary>
    Huge,

    /// <summary>A secret memory file's life.</summary>
    Secret,

    /// <summary>A CPU goes or comes.</summary>
    Cpu,

    /// <summary>Memory goes or comes.</summary>
    Memory,
}
