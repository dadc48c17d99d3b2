using System;
using Strongroom.Core;

namespace Strongroom.Machine.Hardware;

/// <summary>The four registers that CPUID fills.</summary>
/// <param name="Eax">EAX.</param>
/// <param name="Ebx">EBX.</param>
/// <param name="Ecx">ECX.</param>
/// <param name="Edx">EDX.</param>
public readonly record struct CpuidResult(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>
/// Model-specific registers that memory encryption uses. Source: Intel MKTME specification; TDX module headers.
/// </summary>
public static class Msr
{
    /// <summary>IA32_MKTME_KEYID_PARTITIONING: 31:0 MKTME KeyIDs, 63:32 TDX KeyIDs; read-only.</summary>
    public const uint KeyIdPartitioning = 0x87;

    /// <summary>IA32_TME_CAPABILITY, read-only.</summary>
    public const uint TmeCapability = 0x981;

    /// <summary>IA32_TME_ACTIVATE, written once.</summary>
    public const uint TmeActivate = 0x982;

    /// <summary>IA32_TME_EXCLUDE_MASK: 11 enable, upper bits which address bits must match the base.</summary>
    public const uint TmeExcludeMask = 0x983;

    /// <summary>IA32_TME_EXCLUDE_BASE: the 4 KiB-aligned base of memory that KeyID 0 leaves in the clear.</summary>
    public const uint TmeExcludeBase = 0x984;
}

/// <summary>Where TME_ACTIVATE takes the TME key from, and whether it is kept: bits 2 and 3 of the register.</summary>
[Flags]
public enum TmeKey
{
    /// <summary>A new random key, lost with the power.</summary>
    New = 0,

    /// <summary>The key that was saved before standby.</summary>
    Restored = 1 << 2,

    /// <summary>The key is saved for standby.</summary>
    Saved = 1 << 3,
}

public sealed partial class Platform
{
    private const ulong CapabilityBypass = 1ul << 31;
    private const ulong ActivateLock = 1;
    private const ulong ActivateEnable = 1 << 1;
    private const ulong ActivateRestoreKey = 1 << 2;
    private const ulong ActivateSaveKey = 1 << 3;
    private const ulong ActivateBypass = 1ul << 31;
    private const ulong ExcludeEnable = 1 << 11;
    private const int KeyIdBitsShift = 32;
    private const int TdxBitsShift = 36;
    private const int AlgorithmsShift = 48;

    private readonly PackageRegisters[] _packages;

    private bool HasWideKeyIds => Config.MaxKeyIdBits == 16;

    private ulong KeyIdBitsMask => HasWideKeyIds ? 0x1ful : 0xf;

    /// <summary>CPUID on any CPU.</summary>
    /// <param name="leaf">EAX; 7 and 0x1B are modelled, others read zero.</param>
    /// <param name="subleaf">ECX.</param>
    public CpuidResult Cpuid(uint leaf, uint subleaf) => (leaf, subleaf) switch
    {
        // ECX[13] TME_EN, EDX[18] PCONFIG.
        (7, 0) => new(0, 0, 1 << 13, Config.MaxKeyIdBits > 0 ? 1u << 18 : 0),

        // Sub-leaf type 1: targets; target 1 is MKTME. Type 0 ends the list.
        (0x1b, 0) when Config.MaxKeyIdBits > 0 => new(1, 1, 0, 0),
        _ => default,
    };

    /// <summary>RDMSR.</summary>
    /// <exception cref="CpuFaultException">#GP: no such register.</exception>
    public ulong ReadMsr(int cpu, uint index)
    {
        PackageRegisters registers = _packages[PackageOfCpu(cpu)];
        return index switch
        {
            Msr.TmeCapability => (ulong)Config.Algorithms | CapabilityBypass
                | ((ulong)Config.MaxKeyIdBits << KeyIdBitsShift) | ((ulong)Config.MaxKeys << TdxBitsShift),
            Msr.TmeActivate => registers.Activate,
            Msr.TmeExcludeMask => registers.ExcludeMask,
            Msr.TmeExcludeBase => registers.ExcludeBase,
            Msr.KeyIdPartitioning => Partitioning(registers),
            _ => throw new CpuFaultException(CpuFault.GeneralProtection, $"no MSR 0x{index:x}"),
        };
    }

    /// <summary>WRMSR.</summary>
    /// <remarks>
    /// The first successful write of TME_ACTIVATE locks it for the package, whatever its bit 0 says. A machine with 16
    /// KeyID bits departs from the published layout, whose field ends at 15: there the field is bits 36:32, and TDX
    /// cannot be configured.
    /// </remarks>
    /// <exception cref="CpuFaultException">#GP: no such register, read-only, locked, or a value that the register
    /// refuses.</exception>
    public void WriteMsr(int cpu, uint index, ulong value)
    {
        int package = PackageOfCpu(cpu);
        PackageRegisters registers = _packages[package];
        switch (index)
        {
            case Msr.TmeActivate:
                Activate(package, value);
                break;
            case Msr.TmeExcludeMask:
                RefuseLocked(registers);
                RefuseOutside(value, ExcludeEnable);
                registers.ExcludeMask = value;
                break;
            case Msr.TmeExcludeBase:
                RefuseLocked(registers);
                RefuseOutside(value, allowedLowBits: 0);
                registers.ExcludeBase = value;
                break;
            default:
                throw new CpuFaultException(CpuFault.GeneralProtection, $"MSR 0x{index:x} cannot be written");
        }
    }

    /// <summary>What firmware does at boot: activates TME with a number of KeyID bits on every package.</summary>
    /// <param name="keyIdBits">0 for TME alone, up to <see cref="MachineConfig.MaxKeyIdBits"/>.</param>
    /// <param name="tdxBits">How many of them are set aside for TDX.</param>
    /// <param name="key">Where the TME key comes from and whether it is kept for standby.</param>
    public void ActivateEncryption(int keyIdBits, int tdxBits = 0, TmeKey key = TmeKey.New)
    {
        int policy = System.Numerics.BitOperations.TrailingZeroCount(Config.Algorithms);
        ulong value = ActivateEnable | (ulong)key | ((ulong)policy << 4) | ((ulong)keyIdBits << KeyIdBitsShift)
            | ((ulong)tdxBits << TdxBitsShift) | (keyIdBits == 0 ? 0 : (ulong)Config.Algorithms << AlgorithmsShift);
        for (int package = 0; package < Config.Packages; package++)
        {
            WriteMsr(package * Config.CpusPerPackage, Msr.TmeActivate, value);
        }
    }

    /// <summary>
    /// Cuts the power: caches, keys and registers are lost, memory keeps what it stores; then firmware activates TME
    /// anew.
    /// </summary>
    internal void ColdReset(int keyIdBits)
    {
        LosePower(keepsSavedKeys: false);
        ActivateEncryption(keyIdBits);
    }

    /// <summary>
    /// Standby (S3): memory is refreshed; caches, key tables and registers are lost, but for a TME key that was to be
    /// saved. Software has written its caches back before; firmware activates TME on the way out.
    /// </summary>
    /// <remarks>Keys of KeyIDs above 0 do not survive: the registers have a bit for the TME key only.</remarks>
    internal void Standby() => LosePower(keepsSavedKeys: true);

    private void LosePower(bool keepsSavedKeys)
    {
        _caches.LoseAll();
        for (int package = 0; package < _packages.Length; package++)
        {
            PackageRegisters old = _packages[package];
            bool isKept = keepsSavedKeys && (old.Activate & ActivateSaveKey) != 0;
            old.SavedKey?.Dispose();
            _packages[package] = new PackageRegisters { SavedKey = isKept ? _memory.Table(package).TakePlatformKey() : null };
            _memory.Reset(package, new KeyTable(0, platform: null), ExcludedRange.None);
        }
    }

    private void RefuseOutside(ulong value, ulong allowedLowBits)
    {
        ulong addressBits = (1ul << Config.PhysicalAddressBits) - (1ul << 12);
        if ((value & ~(addressBits | allowedLowBits)) != 0)
        {
            throw new CpuFaultException(CpuFault.GeneralProtection, "TME exclusion: a reserved bit is set");
        }
    }

    private static void RefuseLocked(PackageRegisters registers)
    {
        if ((registers.Activate & ActivateLock) != 0)
        {
            throw new CpuFaultException(CpuFault.GeneralProtection, "TME_ACTIVATE is locked");
        }
    }

    private static void Refuse(bool refused, string cause)
    {
        if (refused)
        {
            throw new CpuFaultException(CpuFault.GeneralProtection, "TME_ACTIVATE: " + cause);
        }
    }

    private int KeyIdBits(PackageRegisters registers) => (int)((registers.Activate >> KeyIdBitsShift) & KeyIdBitsMask);

    private int TdxBits(PackageRegisters registers) =>
        HasWideKeyIds ? 0 : (int)((registers.Activate >> TdxBitsShift) & 0xf);

    private ulong Partitioning(PackageRegisters registers)
    {
        int bits = KeyIdBits(registers);
        uint all = bits == 0 ? 0 : (uint)Math.Min(Config.MaxKeys, (1 << bits) - 1);
        uint mktme = Math.Min(all, (1u << (bits - TdxBits(registers))) - 1);
        return mktme | ((ulong)(all - mktme) << 32);
    }

    private void Activate(int package, ulong value)
    {
        PackageRegisters registers = _packages[package];
        RefuseLocked(registers);
        ulong policy = (value >> 4) & 0xf;
        ulong algorithms = (value >> AlgorithmsShift) & 0xffff;
        int keyIdBits = (int)((value >> KeyIdBitsShift) & KeyIdBitsMask);
        int tdxBits = HasWideKeyIds ? 0 : (int)((value >> TdxBitsShift) & 0xf);
        bool enable = (value & ActivateEnable) != 0;
        ulong reserved = (0x3ful << 8) | (0x1fffful << 14) | (0xfful << 40);
        Refuse((value & reserved) != 0, "a reserved bit is set");
        Refuse(policy >= 4 || ((Config.Algorithms >> (int)policy) & 1) == 0, $"policy {policy} is not supported");
        Refuse((algorithms & ~(ulong)Config.Algorithms) != 0, "an algorithm that the capability register does not list");
        Refuse(keyIdBits > Config.MaxKeyIdBits, $"{keyIdBits} KeyID bits, of {Config.MaxKeyIdBits} at most");
        Refuse(keyIdBits > 0 && !enable, "KeyID bits without TME enabled");
        Refuse(tdxBits > keyIdBits, "more TDX bits than KeyID bits");
        Refuse((value & ActivateRestoreKey) != 0 && registers.SavedKey is null, "no key was saved for standby");
        registers.Activate = value | ActivateLock;
        if (!enable)
        {
            return;
        }

        ILineCipher? platform = MakePlatformKey(registers, value, (int)policy);
        PhysicalLayout layout = new(Config.PhysicalAddressBits, keyIdBits, Config.MaxKeys);
        bool excludes = (registers.ExcludeMask & ExcludeEnable) != 0;
        ExcludedRange excluded = excludes ? new(registers.ExcludeMask & ~ExcludeEnable, registers.ExcludeBase) : ExcludedRange.None;
        _memory.Reset(package, new KeyTable(layout.KeyIdCount, platform), excluded);
        Layout = layout;
        _memory.Layout = layout;
        _caches.Layout = layout;
    }

    /// <summary>Makes the TME key, or takes the one that was saved; a saved one that is not taken is gone.</summary>
    private ILineCipher? MakePlatformKey(PackageRegisters registers, ulong value, int policy)
    {
        ILineCipher? saved = registers.SavedKey;
        registers.SavedKey = null;
        bool isBypassed = (value & ActivateBypass) != 0;
        if ((value & ActivateRestoreKey) != 0 && !isBypassed)
        {
            return saved;
        }

        saved?.Dispose();
        if (isBypassed)
        {
            return null;
        }

        MemoryAlgorithm algorithm = CipherOf(policy, out int keyBytes);
        Span<byte> none = stackalloc byte[keyBytes];
        none.Clear();
        return _keys.Generate(algorithm, none, none);
    }

    /// <summary>The cipher of an algorithm bit; one with integrity encrypts as the one without.</summary>
    private static MemoryAlgorithm CipherOf(int algorithmBit, out int keyBytes)
    {
        keyBytes = algorithmBit < 2 ? 16 : 32;
        return algorithmBit < 2 ? MemoryAlgorithm.AesXts128 : MemoryAlgorithm.AesXts256;
    }

    /// <summary>The registers of one package, and the faults that tests inject into its PCONFIG.</summary>
    private sealed class PackageRegisters
    {
        internal ulong Activate { get; set; }

        internal ulong ExcludeMask { get; set; }

        internal ulong ExcludeBase { get; set; }

        /// <summary>Gets or sets the TME key that outlives standby; owned.</summary>
        internal ILineCipher? SavedKey { get; set; }

        internal int BusyAnswers { get; set; }

        internal int EntropyFailures { get; set; }
    }
}
