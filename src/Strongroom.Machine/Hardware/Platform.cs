using System;
using System.Buffers.Binary;

namespace Strongroom.Machine.Hardware;

/// <summary>
/// The modelled hardware: CPUs in packages, caches, memory controllers with key tables, memory, and their registers.
/// </summary>
/// <remarks>
/// State: caches (<see cref="CacheHierarchy"/>), memory (<see cref="Dram"/>), key tables (<see cref="KeyTable"/>),
/// registers. A machine starts as after a cold reset, with TME off; firmware then calls <see
/// cref="ActivateEncryption"/>. Addresses that CPUs use here are bus addresses, KeyID bits included. Thread safety:
/// none; one thread drives a machine.
/// </remarks>
public sealed partial class Platform : IDisposable
{
    private readonly CacheHierarchy _caches;
    private readonly Dram _dram;
    private readonly MemoryController _memory;
    private readonly ILineCipherFactory _keys;
    private readonly bool[] _cpuOnline;

    /// <summary>Makes a machine as after a cold reset.</summary>
    /// <param name="config">Sizes and shapes.</param>
    /// <param name="keys">What makes the controllers' keys.</param>
    internal Platform(MachineConfig config, ILineCipherFactory keys)
    {
        Config = config.Validated();
        _keys = keys;
        Layout = new PhysicalLayout(config.PhysicalAddressBits, 0, 0);
        _dram = new Dram(config);
        _memory = new MemoryController(_dram, Layout);
        _caches = new CacheHierarchy(config, Layout, _memory, Counters);
        _cpuOnline = new bool[config.Packages * config.CpusPerPackage];
        Array.Fill(_cpuOnline, true);
        _packages = new PackageRegisters[config.Packages];
        for (int package = 0; package < _packages.Length; package++)
        {
            _packages[package] = new PackageRegisters();
        }
    }

    /// <summary>Gets the sizes and shapes.</summary>
    public MachineConfig Config { get; }

    /// <summary>Gets what the machine has done so far.</summary>
    public Counters Counters { get; } = new();

    /// <summary>Gets where the KeyID sits in addresses, as activated; no KeyID bits before that.</summary>
    public PhysicalLayout Layout { get; private set; }

    /// <summary>Gets the number of CPUs, online or not.</summary>
    public int CpuCount => _cpuOnline.Length;

    /// <summary>Gets the caches.</summary>
    internal CacheHierarchy Caches => _caches;

    /// <summary>Gets the memory chips.</summary>
    internal Dram Dram => _dram;

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        foreach (PackageRegisters package in _packages)
        {
            package.SavedKey?.Dispose();
        }
    }

    /// <summary>Gets the package of a CPU.</summary>
    public int PackageOfCpu(int cpu) => cpu / Config.CpusPerPackage;

    /// <summary>Tells whether a CPU is online.</summary>
    public bool IsOnline(int cpu) => _cpuOnline[cpu];

    /// <summary>Takes a CPU on- or offline. A CPU that leaves writes its modified lines back first.</summary>
    /// <remarks>Whether it may leave is the kernel's decision, not the hardware's.</remarks>
    internal void SetOnline(int cpu, bool online)
    {
        if (_cpuOnline[cpu] && !online)
        {
            _caches.FlushAll(cpu, invalidate: true);
        }

        _cpuOnline[cpu] = online;
    }

    /// <summary>Loads eight bytes through a CPU's caches.</summary>
    /// <param name="cpu">An online CPU.</param>
    /// <param name="busAddress">KeyID included; a multiple of 8.</param>
    public ulong Load(int cpu, ulong busAddress)
    {
        ReadOnlySpan<byte> line = _caches.Load(cpu, busAddress >> 6);
        return line.IsEmpty ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(line[(int)(busAddress & 0x38)..]);
    }

    /// <summary>Stores eight bytes through a CPU's caches.</summary>
    /// <param name="cpu">An online CPU.</param>
    /// <param name="busAddress">KeyID included; a multiple of 8.</param>
    /// <param name="value">The bytes, little-endian.</param>
    public void Store(int cpu, ulong busAddress, ulong value)
    {
        Span<byte> line = _caches.Store(cpu, busAddress >> 6);
        if (!line.IsEmpty)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(line[(int)(busAddress & 0x38)..], value);
        }
    }

    /// <summary>Loads bytes through a CPU's caches, line by line.</summary>
    public void Load(int cpu, ulong busAddress, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int offset = (int)(busAddress & 63);
            int count = Math.Min(bytes.Length, CacheShape.LineBytes - offset);
            ReadOnlySpan<byte> line = _caches.Load(cpu, busAddress >> 6);
            if (!line.IsEmpty)
            {
                line.Slice(offset, count).CopyTo(bytes);
            }

            bytes = bytes[count..];
            busAddress += (ulong)count;
        }
    }

    /// <summary>Stores bytes through a CPU's caches, line by line.</summary>
    public void Store(int cpu, ulong busAddress, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int offset = (int)(busAddress & 63);
            int count = Math.Min(bytes.Length, CacheShape.LineBytes - offset);
            Span<byte> line = _caches.Store(cpu, busAddress >> 6);
            if (!line.IsEmpty)
            {
                bytes[..count].CopyTo(line[offset..]);
            }

            bytes = bytes[count..];
            busAddress += (ulong)count;
        }
    }

    /// <summary>Stores zeros over whole lines through a CPU's caches.</summary>
    /// <param name="cpu">An online CPU.</param>
    /// <param name="busAddress">KeyID included; a multiple of 64.</param>
    /// <param name="lengthBytes">A multiple of 64.</param>
    public void StoreZeros(int cpu, ulong busAddress, int lengthBytes)
    {
        for (int done = 0; done < lengthBytes; done += CacheShape.LineBytes)
        {
            _caches.Store(cpu, (busAddress + (ulong)done) >> 6).Clear();
        }
    }

    /// <summary>Reads past the caches, as through an uncacheable mapping or from a device.</summary>
    /// <remarks>A cached copy under the same KeyID is written back first (self-snoop); copies under other KeyIDs are
    /// not.</remarks>
    public void LoadUncached(ulong busAddress, Span<byte> bytes)
    {
        Span<byte> line = stackalloc byte[CacheShape.LineBytes];
        while (!bytes.IsEmpty)
        {
            int offset = (int)(busAddress & 63);
            int count = Math.Min(bytes.Length, CacheShape.LineBytes - offset);
            _ = _caches.Flush(busAddress >> 6); // whether it was dirty does not matter
            Counters.UncachedAccesses++;
            _memory.ReadLine(busAddress >> 6, line);
            line.Slice(offset, count).CopyTo(bytes);
            bytes = bytes[count..];
            busAddress += (ulong)count;
        }
    }

    /// <summary>Writes past the caches, as through an uncacheable mapping or from a device.</summary>
    /// <remarks>A cached copy under the same KeyID is written back and dropped first; copies under other KeyIDs are
    /// not.</remarks>
    public void StoreUncached(ulong busAddress, ReadOnlySpan<byte> bytes)
    {
        Span<byte> line = stackalloc byte[CacheShape.LineBytes];
        while (!bytes.IsEmpty)
        {
            int offset = (int)(busAddress & 63);
            int count = Math.Min(bytes.Length, CacheShape.LineBytes - offset);
            _ = _caches.Flush(busAddress >> 6); // whether it was dirty does not matter
            Counters.UncachedAccesses++;
            if (count < CacheShape.LineBytes)
            {
                _memory.ReadLine(busAddress >> 6, line);
            }

            bytes[..count].CopyTo(line[offset..]);
            _memory.WriteLine(busAddress >> 6, line);
            bytes = bytes[count..];
            busAddress += (ulong)count;
        }
    }

    /// <summary>
    /// CLFLUSH or CLFLUSHOPT over a range: both do the same to caches and differ in ordering and cost only.
    /// </summary>
    /// <param name="busAddress">KeyID included: with an ordinary machine only lines with this KeyID are
    /// flushed.</param>
    /// <param name="lengthBytes">Bytes from there on; every line they touch is flushed.</param>
    public void FlushLines(ulong busAddress, int lengthBytes)
    {
        ulong last = (busAddress + (ulong)lengthBytes - 1) >> 6;
        for (ulong line = busAddress >> 6; line <= last; line++)
        {
            _ = _caches.Flush(line); // counted by the caches
        }
    }

    /// <summary>Gets the HMAT table that firmware made at boot: memory of each package, attached to its processors.</summary>
    /// <returns>Null when firmware makes none.</returns>
    internal byte[]? ReadHmat()
    {
        HmatDomain[] domains = new HmatDomain[Config.Packages];
        for (uint package = 0; package < domains.Length; package++)
        {
            domains[package] = new(package, package);
        }

        return Config.HasHmat ? HmatTable.Write(domains) : null;
    }

    /// <summary>WBINVD on one CPU: writes back and invalidates the caches of its package.</summary>
    public void WriteBackAndInvalidate(int cpu) => _caches.FlushAll(cpu, invalidate: true);

    /// <summary>WBNOINVD on one CPU: writes back the caches of its package and keeps the lines.</summary>
    public void WriteBack(int cpu) => _caches.FlushAll(cpu, invalidate: false);

    /// <summary>Plugs a section of memory in, or out. Whether it may go is the kernel's decision.</summary>
    /// <param name="sectionAddress">Without KeyID; a multiple of the section size.</param>
    /// <param name="present">True to plug in.</param>
    internal void SetMemoryPresent(ulong sectionAddress, bool present) => _dram.SetPresent(sectionAddress, present);
}
