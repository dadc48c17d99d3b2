using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>The modelled kernel: page allocator, direct maps, TLBs, key service and processes on one machine.</summary>
/// <remarks>
/// <para>From address to ciphertext: process address -> VMA (Strongroom.Memory, with the KeyID) -> page-table entry
/// (KeyID bits) -> TLB -> bus address -> cache line (KeyID in its tag) -> memory controller (key of that KeyID) ->
/// DRAM.</para>
/// <para>The key service and the VMA rules are those of the real pager; this class gives them pages and PCONFIG.</para>
/// <para>Thread safety: none. One thread drives a machine; "CPU" arguments say on which modelled CPU a step
/// happens.</para>
/// </remarks>
internal sealed partial class ModelKernel : IDisposable
{
    private readonly Tlb[] _tlbs;
    private readonly long[] _pageReferences;
    private readonly List<Process?> _processes = [null];
    private readonly Mutant _mutant;
    private readonly LocalKeyrings _keyrings = new(seed: 1);

    /// <summary>Boots on a machine whose firmware has activated TME (or not).</summary>
    /// <param name="platform">The machine; disposed with the kernel.</param>
    /// <param name="options">How the kernel is built and booted.</param>
    internal ModelKernel(Platform platform, KernelOptions options)
    {
        Platform = platform;
        Options = options;
        _mutant = options.Mutant;
        ulong end = platform.Dram.EndAddress;
        Enumeration = MktmeEnumeration.Detect(platform, options.Firmware, options.DirectMap, end);
        Layout = Enumeration.KeyIdCount == 0
            ? new PhysicalLayout(platform.Config.PhysicalAddressBits, 0, 0)
            : new PhysicalLayout(platform.Config.PhysicalAddressBits, platform.Layout.KeyIdBits, Enumeration.KeyIdCount);
        _tlbs = new Tlb[platform.CpuCount];
        for (int cpu = 0; cpu < _tlbs.Length; cpu++)
        {
            _tlbs[cpu] = new Tlb(platform.Config);
        }

        Pages = new PageArray((int)(end >> 12));
        ReverseMap = new ReverseMap(Pages);
        _pageReferences = new long[Layout.KeyIdCount + 1];
        FlushPolicy policy = MakePolicy();
        Allocator = new PageAllocator(Pages, platform.Config.Packages, platform.CpuCount, policy, options.Allocator);
        DirectMap = new DirectMap(Layout, options.DirectMap, end, FlushAllTlbs, _mutant);
        Programmer = new PconfigProgrammer(platform, Enumeration, options.Firmware, RetireKeyId, _mutant);
        Keys = new KeyService(Programmer, _keyrings, new KeyServiceOptions
        {
            Api = options.Api,
            KeyIdBits = Math.Max(1, Layout.KeyIdBits),
            GarbageDelay = options.GarbageDelay,
            FieldStore = options.FieldStore,
        });
        if (policy is PoolPolicy pools)
        {
            pools.GiveBack = (cpu, frame) => Allocator.ReturnFree(cpu, frame, 0);
        }

        (int first, int count) reserve = SecretMemory.ChooseReserve(
            BootParameters.SizeOf(options.CommandLine, "secretmem"), platform.Config.MemoryPerPackageBytes);
        AddMemoryOfBoot(reserve.first, reserve.count);
        ZeroFrame = Allocator.Allocate(0, Gfp.Zero, 0, 0, 0);
        Pages.Flags[ZeroFrame] = PageFlags.Unevictable;
        Secrets = new SecretMemory(this, reserve.first, reserve.count);
        Dax = new DaxFiles(this);
        Swap = new SwapArea(options.SwapPages, options.Swap);
    }

    /// <summary>Gets the machine.</summary>
    internal Platform Platform { get; }

    /// <summary>Gets how the kernel was built and booted.</summary>
    internal KernelOptions Options { get; }

    /// <summary>Gets what boot found out about memory keys.</summary>
    internal MktmeEnumeration Enumeration { get; }

    /// <summary>Gets where the KeyID sits, as this kernel uses it; no KeyID bits when it disabled MKTME.</summary>
    internal PhysicalLayout Layout { get; }

    /// <summary>Gets the bookkeeping of all frames.</summary>
    internal PageArray Pages { get; }

    /// <summary>Gets the page allocator.</summary>
    internal PageAllocator Allocator { get; }

    /// <summary>Gets the direct maps.</summary>
    internal DirectMap DirectMap { get; }

    /// <summary>Gets the reverse map.</summary>
    internal ReverseMap ReverseMap { get; }

    /// <summary>Gets the key service.</summary>
    internal KeyService Keys { get; }

    /// <summary>Gets what programs KeyIDs on all packages.</summary>
    internal PconfigProgrammer Programmer { get; }

    /// <summary>Gets secret memory.</summary>
    internal SecretMemory Secrets { get; }

    /// <summary>Gets files on persistent memory.</summary>
    internal DaxFiles Dax { get; }

    /// <summary>Gets the swap area.</summary>
    internal SwapArea Swap { get; }

    /// <summary>Gets the frame of the shared zero page, under KeyID 0.</summary>
    internal int ZeroFrame { get; }

    /// <summary>Gets the seeded fault.</summary>
    internal Mutant Mutant => _mutant;

    /// <inheritdoc/>
    public void Dispose()
    {
        Swap.Dispose();
        Platform.Dispose();
    }

    /// <summary>Makes a machine with a number of KeyID bits and boots a kernel on it.</summary>
    internal static ModelKernel Boot(MachineConfig config, KernelOptions options, int? keyIdBits = null)
    {
        Platform platform = new(config, XtsLineCipher.Factory);
        platform.ActivateEncryption(keyIdBits ?? config.MaxKeyIdBits);
        return new ModelKernel(platform, options);
    }

    /// <summary>Starts a process with an empty address space.</summary>
    internal Process StartProcess()
    {
        // Numbers of ended processes are used again: their pages were shot down in all TLBs, and their keyrings are gone.
        int number = _processes.IndexOf(null, 1);
        if (number < 0)
        {
            number = _processes.Count;
            _processes.Add(null);
        }

        Process process = new(this, (ushort)number);
        _processes[number] = process;
        return process;
    }

    /// <summary>Gets a process by its number.</summary>
    internal Process GetProcess(ushort number) =>
        _processes[number] ?? throw new ModelViolationException($"Process {number} has ended but a page is still mapped there.");

    /// <summary>Puts a child into the session keyring of its parent.</summary>
    internal void Inherit(Process parent, Process child) => _keyrings.Inherit(parent.Caller, child.Number);

    /// <summary>Forgets a process that has ended, and the keyrings that end with it.</summary>
    internal void EndProcess(Process process)
    {
        _processes[process.Number] = null;
        foreach (KeySerial keyring in _keyrings.End(process.Number, process.Number))
        {
            Keys.ForgetKeyring(keyring);
        }
    }

    /// <summary>Tells whether any process maps something.</summary>
    internal bool IsMapped(VmaBacking backing)
    {
        foreach (Process? process in _processes)
        {
            foreach (Vma vma in process?.Space.Vmas ?? [])
            {
                if (vma.Backing == backing)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Takes the zero page out of every mapping of a hole that is a block from now on.</summary>
    internal void UnmapHole(VmaBacking backing, long index)
    {
        foreach (Process? process in _processes)
        {
            process?.UnmapHole(backing, index);
        }
    }

    /// <summary>Checks the rules that hold between steps; meant for tests (I4, I5, I6, I8).</summary>
    /// <returns>The first broken rule in words, or null.</returns>
    internal string? FindBrokenRule()
    {
        string? broken = Allocator.FindBrokenRule();
        if (broken is not null)
        {
            return "I8: " + broken;
        }

        long[] counted = new long[_pageReferences.Length];
        for (int frame = 0; frame < Pages.Count; frame++)
        {
            ushort keyId = Pages.KeyId[frame];
            bool isUsed = Pages.State[frame] == FrameState.Used;
            if (isUsed)
            {
                counted[keyId] += keyId != 0 ? 1 : 0;
            }
            else if (keyId != 0 && Options.Policy != PolicyKind.LastKeyId && Pages.State[frame] != FrameState.Pooled)
            {
                return $"I3: free frame {frame} has KeyID {keyId}.";
            }
        }

        for (int keyId = 1; keyId < counted.Length; keyId++)
        {
            if (counted[keyId] != _pageReferences[keyId])
            {
                return $"I5: {counted[keyId]} pages have KeyID {keyId} and {_pageReferences[keyId]} references were taken.";
            }

            if (counted[keyId] > 0 && Keys.Slots.GetState(new((ushort)keyId)) == KeySlotState.Available)
            {
                return $"I5: {counted[keyId]} pages have KeyID {keyId}, whose slot is free.";
            }
        }

        broken = FindBrokenKey() ?? FindBrokenVmaCount() ?? FindBrokenLine();
        if (broken is not null)
        {
            return broken;
        }

        foreach (Process? process in _processes)
        {
            broken = process?.FindBrokenRule();
            if (broken is not null)
            {
                return broken;
            }
        }

        return null;
    }

    /// <summary>
    /// Checks I1 and I3 in one: a line may be newer than memory only under the KeyID that page_ext names, so never
    /// under two; and that of I5 which caches can break: it may not be under a KeyID whose slot was cleared.
    /// </summary>
    internal string? FindBrokenLine()
    {
        ulong? line = Platform.Caches.FindModified(line =>
        {
            ulong bus = line * CacheShape.LineBytes;
            KeyId keyId = Platform.Layout.KeyIdOf(bus);
            return Pages.KeyId[(int)(Platform.Layout.Strip(bus) >> 12)] == keyId.Value && IsSlotFilled(keyId);
        });
        if (line is not { } found)
        {
            return null;
        }

        ulong busAddress = found * CacheShape.LineBytes;
        return IsSlotFilled(Platform.Layout.KeyIdOf(busAddress))
            ? $"I3: line 0x{busAddress:x} is modified under a KeyID that page_ext does not name."
            : $"I5: line 0x{busAddress:x} is modified under a KeyID whose slot was cleared.";
    }

    /// <summary>Checks that each VMA and open file with a KeyID holds one reference to its slot (I5).</summary>
    internal string? FindBrokenVmaCount()
    {
        long[] counted = new long[_pageReferences.Length];
        Secrets.CountReferences(counted);
        foreach (Process? process in _processes)
        {
            foreach (Vma vma in process?.Space.Vmas ?? [])
            {
                counted[vma.KeyId.Value]++;
            }
        }

        for (ushort keyId = 1; keyId < counted.Length; keyId++)
        {
            long held = Keys.Slots.GetReferences(new(keyId)).VmaCount;
            if (held != counted[keyId])
            {
                return $"I5: {counted[keyId]} VMAs and files have KeyID {keyId} and hold {held} references.";
            }
        }

        return null;
    }

    private bool IsSlotFilled(KeyId keyId) => keyId.IsPlatform || Keys.Slots.GetState(keyId) != KeySlotState.Available;

    private string? FindBrokenKey()
    {
        for (ushort keyId = 1; keyId <= Layout.KeyIdCount; keyId++)
        {
            if (Keys.Slots.GetState(new(keyId)) is not (KeySlotState.Assigned or KeySlotState.Killed))
            {
                continue;
            }

            for (int package = 0; package < Platform.Config.Packages; package++)
            {
                if (Programmer.LeadOf(package) >= 0 && !Platform.IsProgrammed(package, keyId))
                {
                    return $"I5: KeyID {keyId} is in use and package {package} has no key for it.";
                }
            }
        }

        return null;
    }

    private FlushPolicy MakePolicy() => Options.Policy switch
    {
        PolicyKind.LastKeyId => new LastKeyIdPolicy(Pages, this, _mutant),
        PolicyKind.Wrapper => new WrapperPolicy(Pages, this, _mutant),
        PolicyKind.Pools => new PoolPolicy(
            Pages,
            this,
            _mutant,
            new(Platform.Config.Packages, Layout.KeyIdCount, Options.PoolCapPerKeyId, Options.PoolCapTotal),
            NodeOf),
        _ => new AllocateAndFreePolicy(Pages, this, _mutant),
    };

    private int NodeOf(int frame) => Platform.Dram.PackageOf((ulong)frame << 12);

    private void AddMemoryOfBoot(int reservedFirst, int reservedCount)
    {
        for (int package = 0; package < Platform.Config.Packages; package++)
        {
            ulong start = Platform.Dram.SpanBytes * (ulong)package;
            ulong end = start + (ulong)Platform.Config.MemoryPerPackageBytes;
            DirectMap.Add(start, end);
            int first = (int)(start >> 12);
            int past = (int)(end >> 12);
            if (package == 0 && reservedCount > 0)
            {
                Pages.State.AsSpan(reservedFirst, reservedCount).Fill(FrameState.Reserved);
                Allocator.AddFrames(first, reservedFirst - first, package, movable: false);
                first = reservedFirst + reservedCount;
            }

            Allocator.AddFrames(first, past - first, package, movable: false);
        }
    }

    private void RetireKeyId(ushort keyId) => Allocator.Policy.Retire(Programmer.AnyLeadCpu, keyId);
}
