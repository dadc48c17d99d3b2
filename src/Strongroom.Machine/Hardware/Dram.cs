using System;

namespace Strongroom.Machine.Hardware;

/// <summary>The memory chips: bytes exactly as an attacker with a probe would find them.</summary>
/// <remarks>
/// Package <c>p</c> answers addresses from <c>p * SpanBytes</c> on; its sections are present or not (memory hotplug). A
/// section that nobody has written holds zero bytes and costs no memory here. Thread safety: none.
/// </remarks>
internal sealed class Dram
{
    private readonly byte[]?[] _sections;
    private readonly bool[] _present;
    private readonly int _sectionShift;

    /// <summary>Makes the memory of a machine.</summary>
    internal Dram(MachineConfig config)
    {
        SectionBytes = config.SectionBytes;
        _sectionShift = System.Numerics.BitOperations.Log2((uint)config.SectionBytes);
        SpanBytes = (ulong)(config.MemoryPerPackageBytes + config.HotplugPerPackageBytes);
        Packages = config.Packages;
        int perPackage = (int)(SpanBytes >> _sectionShift);
        _sections = new byte[perPackage * config.Packages][];
        _present = new bool[_sections.Length];
        int atStart = (int)(config.MemoryPerPackageBytes >> _sectionShift);
        for (int section = 0; section < _present.Length; section++)
        {
            _present[section] = section % perPackage < atStart;
        }
    }

    /// <summary>Gets the number of packages that own memory.</summary>
    internal int Packages { get; }

    /// <summary>Gets the bytes of address space that each package answers for, plugged or not.</summary>
    internal ulong SpanBytes { get; }

    /// <summary>Gets the granule of hotplug in bytes.</summary>
    internal int SectionBytes { get; }

    /// <summary>Gets the first address past all memory that could be plugged.</summary>
    internal ulong EndAddress => SpanBytes * (ulong)Packages;

    /// <summary>Gets the package whose controller answers an address below <see cref="EndAddress"/>.</summary>
    internal int PackageOf(ulong address) => (int)(address / SpanBytes);

    /// <summary>Tells whether memory answers an address without KeyID.</summary>
    internal bool IsPresent(ulong address) => address < EndAddress && _present[(int)(address >> _sectionShift)];

    /// <summary>Plugs or unplugs the section that starts at an address. Unplugging forgets its bytes.</summary>
    internal void SetPresent(ulong sectionAddress, bool present)
    {
        int section = (int)(sectionAddress >> _sectionShift);
        _present[section] = present;
        if (!present)
        {
            _sections[section] = null;
        }
    }

    /// <summary>Copies stored bytes out.</summary>
    /// <param name="address">Without KeyID; the bytes must lie in one section that is present.</param>
    /// <param name="stored">Receives them.</param>
    internal void Read(ulong address, Span<byte> stored)
    {
        byte[]? section = _sections[(int)(address >> _sectionShift)];
        if (section is null)
        {
            stored.Clear();
            return;
        }

        section.AsSpan((int)(address & (ulong)(SectionBytes - 1)), stored.Length).CopyTo(stored);
    }

    /// <summary>Gets the stored bytes themselves, to change them in place.</summary>
    internal Span<byte> Cells(ulong address, int lengthBytes)
    {
        ref byte[]? section = ref _sections[(int)(address >> _sectionShift)];
        section ??= new byte[SectionBytes];
        return section.AsSpan((int)(address & (ulong)(SectionBytes - 1)), lengthBytes);
    }
}
