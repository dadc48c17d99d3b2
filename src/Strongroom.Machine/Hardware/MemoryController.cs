using System;

namespace Strongroom.Machine.Hardware;

/// <summary>Addresses that KeyID 0 leaves in the clear (TME exclusion); other KeyIDs encrypt there as everywhere.</summary>
/// <param name="Mask">Which address bits must match.</param>
/// <param name="Base">What they must be.</param>
/// <remarks>Source: Intel SDM volume 4, IA32_TME_EXCLUDE_MASK and IA32_TME_EXCLUDE_BASE.</remarks>
internal readonly record struct ExcludedRange(ulong Mask, ulong Base)
{
    /// <summary>Gets a range that no address is in: no bit must match, and an odd base does not.</summary>
    internal static ExcludedRange None => new(0, ulong.MaxValue);

    /// <summary>Tells whether an address without KeyID is in the range.</summary>
    internal bool Contains(ulong address) => (address & Mask) == (Base & (Mask | 1));
}

/// <summary>
/// The memory controllers of all packages: they pick the key by the KeyID bits and encrypt between caches and DRAM.
/// </summary>
/// <remarks>
/// The data unit of AES-XTS is one 64-byte line and its tweak is the physical address without KeyID, so ciphertext that
/// is moved decrypts to noise. Each package has its own table; a line is handled by the package that owns its address.
/// </remarks>
internal sealed class MemoryController : IMemoryBus, IDisposable
{
    private readonly Dram _dram;
    private readonly KeyTable[] _tables;
    private readonly ExcludedRange[] _excluded;

    /// <summary>Makes the controllers, before TME is activated: nothing is encrypted.</summary>
    internal MemoryController(Dram dram, PhysicalLayout layout)
    {
        _dram = dram;
        Layout = layout;
        _tables = new KeyTable[dram.Packages];
        _excluded = new ExcludedRange[dram.Packages];
        for (int package = 0; package < _tables.Length; package++)
        {
            _tables[package] = new KeyTable(0, platform: null);
            _excluded[package] = ExcludedRange.None;
        }
    }

    /// <summary>Gets or sets where the KeyID sits in a bus address.</summary>
    internal PhysicalLayout Layout { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (KeyTable table in _tables)
        {
            table.Dispose();
        }
    }

    /// <inheritdoc/>
    public void ReadLine(ulong line, Span<byte> plaintext)
    {
        ulong address = Locate(line, out ILineCipher? cipher);
        if (cipher is null)
        {
            _dram.Read(address, plaintext);
            return;
        }

        Span<byte> stored = stackalloc byte[CacheShape.LineBytes];
        _dram.Read(address, stored);
        cipher.Decrypt(address / CacheShape.LineBytes, stored, plaintext);
    }

    /// <inheritdoc/>
    public void WriteLine(ulong line, ReadOnlySpan<byte> plaintext)
    {
        ulong address = Locate(line, out ILineCipher? cipher);
        Span<byte> cells = _dram.Cells(address, CacheShape.LineBytes);
        if (cipher is null)
        {
            plaintext.CopyTo(cells);
            return;
        }

        cipher.Encrypt(address / CacheShape.LineBytes, plaintext, cells);
    }

    /// <summary>Gets the key table of a package.</summary>
    internal KeyTable Table(int package) => _tables[package];

    /// <summary>Replaces the key table of a package and forgets every key of the old one.</summary>
    internal void Reset(int package, KeyTable table, ExcludedRange excluded)
    {
        _excluded[package] = excluded;
        _tables[package].Dispose();
        _tables[package] = table;
    }

    private ulong Locate(ulong line, out ILineCipher? cipher)
    {
        ulong bus = line * CacheShape.LineBytes;
        ulong address = Layout.Strip(bus);
        if (!_dram.IsPresent(address))
        {
            throw new CpuFaultException(CpuFault.MachineCheck, $"no memory answers at physical address 0x{address:x}");
        }

        int package = _dram.PackageOf(address);
        int keyId = Layout.KeyIdOf(bus).Value;
        cipher = keyId == 0 && _excluded[package].Contains(address) ? null : _tables[package].Find(keyId);
        return address;
    }
}
