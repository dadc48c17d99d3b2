using System;
using System.Buffers.Binary;
using System.Numerics;
using Strongroom.Core;

namespace Strongroom.Machine.Hardware;

/// <summary>What PCONFIG leaves in RAX.</summary>
public enum PconfigStatus
{
    /// <summary>The KeyID was programmed.</summary>
    Success = 0,

    /// <summary>The command is none of the four.</summary>
    InvalidCommand = 1,

    /// <summary>The random number generator had too little entropy; try again.</summary>
    EntropyError = 2,

    /// <summary>KeyID 0, or one beyond those that were activated.</summary>
    InvalidKeyId = 3,

    /// <summary>Not exactly one algorithm, or one that was not activated.</summary>
    InvalidAlgorithm = 4,

    /// <summary>Another CPU of the package programs the table; try again.</summary>
    DeviceBusy = 5,
}

/// <summary>The commands of a key-program structure.</summary>
public enum PconfigCommand
{
    /// <summary>SET_KEY_DIRECT: the fields are the keys.</summary>
    SetKeyDirect = 0,

    /// <summary>SET_KEY_RANDOM: the hardware draws the keys and mixes the fields in.</summary>
    SetKeyRandom = 1,

    /// <summary>CLEAR_KEY: the KeyID means the TME key again.</summary>
    ClearKey = 2,

    /// <summary>NO_ENCRYPT: memory under this KeyID is in the clear.</summary>
    NoEncrypt = 3,
}

/// <summary>The layout of MKTME_KEY_PROGRAM_STRUCT.</summary>
/// <remarks>
/// <code>
/// 0   2  KEYID
/// 2   4  KEYID_CTRL: 7:0 command, 23:8 algorithm (one bit), 31:24 reserved
/// 6  58  reserved, zero
/// 64 64  KEY_FIELD_1: data key, or entropy
/// 128 64 KEY_FIELD_2: tweak key, or entropy
/// </code>
/// Source: Intel MKTME specification, "MKTME_KEY_PROGRAM".
/// </remarks>
public static class KeyProgramLayout
{
    /// <summary>Bytes that the structure uses.</summary>
    public const int SizeBytes = 192;

    /// <summary>Alignment of its address.</summary>
    public const int Alignment = 256;

    /// <summary>Offset of the KeyID, 16 bits.</summary>
    public const int KeyIdOffset = 0;

    /// <summary>Offset of the control word, 32 bits.</summary>
    public const int ControlOffset = 2;

    /// <summary>Offset of the first key field, 64 bytes.</summary>
    public const int DataKeyOffset = 64;

    /// <summary>Offset of the second key field, 64 bytes.</summary>
    public const int TweakKeyOffset = 128;

    /// <summary>Writes KeyID and control word over an otherwise zero structure.</summary>
    /// <param name="structure">At least <see cref="SizeBytes"/> bytes.</param>
    /// <param name="keyId">The KeyID to program.</param>
    /// <param name="command">The command.</param>
    /// <param name="algorithmBit">Which bit of the algorithm mask: 0 XTS-128, 2 XTS-256, 1 and 3 with integrity.</param>
    public static void WriteHeader(Span<byte> structure, KeyId keyId, PconfigCommand command, int algorithmBit)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(structure[KeyIdOffset..], keyId.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(structure[ControlOffset..], (uint)command | (1u << (8 + algorithmBit)));
    }
}

public sealed partial class Platform
{
    /// <summary>PCONFIG on one CPU: programs a KeyID in that CPU's package and nowhere else.</summary>
    /// <param name="cpu">An online CPU.</param>
    /// <param name="leaf">EAX; 0 is MKTME_KEY_PROGRAM.</param>
    /// <param name="privilegeLevel">The ring in which the instruction runs, 0 to 3.</param>
    /// <param name="structureAddress">RBX; only its alignment matters here.</param>
    /// <param name="structure">The 192 bytes at that address; the caller keeps them in secret memory and wipes
    /// them.</param>
    /// <returns>RAX; ZF is set unless it is zero.</returns>
    /// <remarks>
    /// Checks come in the order of the 2019 text. Caches and TLBs are not touched: software flushes before it reuses a
    /// KeyID. Source: Intel MKTME specification, PCONFIG operation.
    /// </remarks>
    /// <exception cref="CpuFaultException">#UD outside ring 0; #GP as listed there.</exception>
    public PconfigStatus Pconfig(
        int cpu, uint leaf, int privilegeLevel, ulong structureAddress, ReadOnlySpan<byte> structure)
    {
        int package = PackageOfCpu(cpu);
        PackageRegisters registers = _packages[package];
        CheckPconfigFaults(registers, leaf, privilegeLevel, structureAddress, structure);

        int keyId = BinaryPrimitives.ReadUInt16LittleEndian(structure[KeyProgramLayout.KeyIdOffset..]);
        uint control = BinaryPrimitives.ReadUInt32LittleEndian(structure[KeyProgramLayout.ControlOffset..]);
        uint command = control & 0xff;
        uint algorithm = (control >> 8) & 0xffff;
        ulong activated = registers.Activate >> AlgorithmsShift;
        int usable = (int)(Partitioning(registers) & uint.MaxValue);
        if (command > (uint)PconfigCommand.NoEncrypt)
        {
            return PconfigStatus.InvalidCommand;
        }

        if (keyId == 0 || keyId > usable)
        {
            return PconfigStatus.InvalidKeyId;
        }

        if (BitOperations.PopCount(algorithm) != 1 || (algorithm & activated) == 0)
        {
            return PconfigStatus.InvalidAlgorithm;
        }

        if (registers.BusyAnswers > 0)
        {
            registers.BusyAnswers--;
            return PconfigStatus.DeviceBusy;
        }

        return Program(package, keyId, (PconfigCommand)command, algorithm, structure);
    }

    /// <summary>Makes the next calls of PCONFIG in a package answer DEVICE_BUSY.</summary>
    internal void InjectBusy(int package, int times) => _packages[package].BusyAnswers = times;

    /// <summary>Makes the next draws of a random key in a package answer ENTROPY_ERROR.</summary>
    internal void InjectEntropyFailure(int package, int times) => _packages[package].EntropyFailures = times;

    /// <summary>Tells whether a package's controller gives a KeyID a meaning other than the TME key's.</summary>
    internal bool IsProgrammed(int package, ushort keyId) => _memory.Table(package).Mode(keyId) != KeyMode.Platform;

    private static void Fault(bool raised, string cause)
    {
        if (raised)
        {
            throw new CpuFaultException(CpuFault.GeneralProtection, "PCONFIG: " + cause);
        }
    }

    private void CheckPconfigFaults(
        PackageRegisters registers, uint leaf, int privilegeLevel, ulong structureAddress, ReadOnlySpan<byte> structure)
    {
        if (Config.MaxKeyIdBits == 0)
        {
            throw new CpuFaultException(CpuFault.UndefinedOpcode, "PCONFIG is not implemented");
        }

        if (privilegeLevel != 0)
        {
            throw new CpuFaultException(CpuFault.UndefinedOpcode, "PCONFIG outside ring 0");
        }

        ulong active = ActivateLock | ActivateEnable;
        Fault(leaf != 0, $"no leaf {leaf}");
        Fault((registers.Activate & active) != active, "TME is not enabled and locked");
        Fault(KeyIdBits(registers) == 0, "no KeyID bits are activated");
        Fault(structureAddress % KeyProgramLayout.Alignment != 0, "the structure is not aligned to 256 bytes");
        Fault(structure.Length < KeyProgramLayout.SizeBytes, "the structure is shorter than 192 bytes");
        Fault(structure[5] != 0, "reserved bits of the control word are set");
        Fault(structure[6..KeyProgramLayout.DataKeyOffset].ContainsAnyExcept((byte)0), "reserved bytes are not zero");
    }

    private PconfigStatus Program(
        int package, int keyId, PconfigCommand command, uint algorithmBit, ReadOnlySpan<byte> structure)
    {
        KeyTable table = _memory.Table(package);
        MemoryAlgorithm algorithm = CipherOf(BitOperations.TrailingZeroCount(algorithmBit), out int keyBytes);
        ReadOnlySpan<byte> data = structure.Slice(KeyProgramLayout.DataKeyOffset, 64);
        ReadOnlySpan<byte> tweak = structure.Slice(KeyProgramLayout.TweakKeyOffset, 64);
        bool usesFields = command is PconfigCommand.SetKeyDirect or PconfigCommand.SetKeyRandom;
        Fault(
            usesFields && (data[keyBytes..].ContainsAnyExcept((byte)0) || tweak[keyBytes..].ContainsAnyExcept((byte)0)),
            "a key field has bytes beyond the length of its key");
        switch (command)
        {
            case PconfigCommand.SetKeyDirect:
                table.Set(keyId, KeyMode.OwnKey, _keys.Import(algorithm, data[..keyBytes], tweak[..keyBytes]));
                break;
            case PconfigCommand.SetKeyRandom:
                if (_packages[package].EntropyFailures > 0)
                {
                    _packages[package].EntropyFailures--;
                    return PconfigStatus.EntropyError;
                }

                table.Set(keyId, KeyMode.OwnKey, _keys.Generate(algorithm, data[..keyBytes], tweak[..keyBytes]));
                break;
            case PconfigCommand.ClearKey:
                table.Set(keyId, KeyMode.Platform, cipher: null);
                break;
            default:
                table.Set(keyId, KeyMode.NoEncryption, cipher: null);
                break;
        }

        return PconfigStatus.Success;
    }
}
