using System;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>Repeats on modelled hardware what a test double of the key tables accepted, and insists that PCONFIG accepts it too.</summary>
/// <remarks>With it the whole conformance table of the key service runs on the model: each command that the service sends must be
/// one that real key tables take, in that order, and leave the slot in the mode that the command means.</remarks>
internal sealed class HardwareShadow
{
    private const int KeyIdBits = 15;

    private readonly Lazy<Platform> _platform = new(Boot);

    /// <summary>Does one command on the hardware.</summary>
    internal void Program(int target, in KeyProgram program, ReadOnlySpan<byte> fields)
    {
        bool isTested = target < 2 && program.KeyId.Value < 1 << KeyIdBits;

        // The engine refuses equal halves, which hardware takes; some tests use them for brevity.
        bool isRefused = program.Command == KeyCommand.SetKeyDirect && KeyFields.Data(fields).SequenceEqual(KeyFields.Tweak(fields));
        if (!isTested || isRefused)
        {
            return;
        }

        byte[] structure = new byte[KeyProgramLayout.SizeBytes];
        int algorithm = System.Numerics.BitOperations.TrailingZeroCount((uint)program.Algorithm);
        KeyProgramLayout.WriteHeader(structure, program.KeyId, (PconfigCommand)program.Command, algorithm);
        Assert.Equal(program.Control, BitConverter.ToUInt32(structure, KeyProgramLayout.ControlOffset));
        KeyFields.Data(fields).CopyTo(structure.AsSpan(KeyProgramLayout.DataKeyOffset));
        KeyFields.Tweak(fields).CopyTo(structure.AsSpan(KeyProgramLayout.TweakKeyOffset));
        Assert.Equal(PconfigStatus.Success, _platform.Value.Pconfig(target, 0, 0, 0, structure));
        Assert.Equal(program.Command != KeyCommand.ClearKey, _platform.Value.IsProgrammed(target, program.KeyId.Value));
    }

    private static Platform Boot()
    {
        Platform platform = new(
            new MachineConfig { Packages = 2, CpusPerPackage = 1, MaxKeyIdBits = KeyIdBits, MaxKeys = (1 << KeyIdBits) - 1, Values = false },
            XtsLineCipher.Factory);
        platform.ActivateEncryption(KeyIdBits);
        return platform;
    }
}
