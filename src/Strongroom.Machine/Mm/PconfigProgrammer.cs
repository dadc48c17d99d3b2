using System;
using System.Collections.Generic;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Secrets;

namespace Strongroom.Machine.Mm;

/// <summary>Programs KeyIDs with PCONFIG: one lead CPU for each package, and the same command on all of them.</summary>
/// <remarks>
/// Retries, the choice of the error and the life of slots are the key service's; here are the structure, the lead CPUs
/// and the flush that must come before a slot is cleared or gets another key. Source: Linux RFC "keys/mktme: Program MKTME keys into the
/// platform hardware", "keys/mktme: Set up PCONFIG programming targets".
/// </remarks>
internal sealed class PconfigProgrammer : IKeyProgrammer
{
    private readonly Platform _platform;
    private readonly Action<ushort> _retire;
    private readonly Mutant _mutant;
    private readonly IReadOnlyList<HmatDomain> _hmat;
    private readonly int[] _leads;
    private readonly int[] _packages;
    private int _arriving;

    /// <summary>Chooses the first online CPU of every package as its lead.</summary>
    internal PconfigProgrammer(
        Platform platform, MktmeEnumeration enumeration, FirmwareFacts firmware, Action<ushort> retire, Mutant mutant)
    {
        _platform = platform;
        _retire = retire;
        _mutant = mutant;
        bool hasHmat = HmatTable.TryRead(firmware.Hmat ?? platform.ReadHmat(), out _hmat) is null;
        IsAvailable = enumeration.KeyIdCount > 0 && hasHmat;
        ActivatedAlgorithms = (AlgorithmSet)enumeration.Algorithms;
        _leads = new int[platform.Config.Packages];
        _packages = new int[platform.Config.Packages];
        for (int package = 0; package < _leads.Length; package++)
        {
            _leads[package] = FindLead(package, except: -1);
            if (_leads[package] >= 0)
            {
                _packages[TargetCount++] = package;
            }
        }
    }

    /// <inheritdoc/>
    public bool IsAvailable { get; }

    /// <inheritdoc/>
    public AlgorithmSet ActivatedAlgorithms { get; }

    /// <inheritdoc/>
    public int TargetCount { get; private set; }

    /// <summary>Gets an online CPU.</summary>
    internal int AnyLeadCpu => _leads[_packages[0]];

    /// <inheritdoc/>
    /// <remarks>
    /// Safe: every memory domain of the HMAT table names a processor domain, and a CPU of that is online, so that some
    /// CPU can program the controller that owns the memory. A table without memory domains proves nothing. Source:
    /// Linux RFC "acpi/hmat: Evaluate topology presented in ACPI HMAT for MKTME".
    /// </remarks>
    public bool IsTopologySafe()
    {
        foreach (HmatDomain domain in _hmat)
        {
            if (domain.Initiator is not { } package || package >= _leads.Length || _leads[package] < 0)
            {
                return false;
            }
        }

        return _hmat.Count > 0;
    }

    /// <inheritdoc/>
    public ProgramStatus Program(int target, in KeyProgram program, ReadOnlySpan<byte> fields)
    {
        if (target == 0)
        {
            // Not for CLEAR_KEY alone: an update gives a slot its next key without one.
            _retire(program.KeyId.Value);
        }

        if (target > 0 && _mutant == Mutant.ProgramFirstPackageOnly)
        {
            return ProgramStatus.Success;
        }

        // A target that is about to be added is programmed under the number that it will have.
        int package = target < TargetCount ? _packages[target] : _arriving;
        using SecretBuffer structure = SecretBuffer.Allocate(KeyProgramLayout.SizeBytes);
        Span<byte> bytes = structure.Span;
        bytes.Clear();
        int algorithmBit = System.Numerics.BitOperations.TrailingZeroCount((uint)program.Algorithm);
        KeyProgramLayout.WriteHeader(bytes, program.KeyId, (PconfigCommand)program.Command, algorithmBit);
        KeyFields.Data(fields).CopyTo(bytes[KeyProgramLayout.DataKeyOffset..]);
        KeyFields.Tweak(fields).CopyTo(bytes[KeyProgramLayout.TweakKeyOffset..]);
        return (ProgramStatus)_platform.Pconfig(_leads[package], leaf: 0, privilegeLevel: 0, structureAddress: 0, bytes);
    }

    /// <summary>Gets the lead CPU of a package, or -1 when none of its CPUs is online.</summary>
    internal int LeadOf(int package) => _leads[package];

    /// <summary>Notes a package whose first CPU came online, before its table is programmed.</summary>
    internal void Arrive(int package, int cpu)
    {
        _arriving = package;
        _leads[package] = cpu;
    }

    /// <summary>Makes a package that arrived a target.</summary>
    internal void CommitArrival() => _packages[TargetCount++] = _arriving;

    /// <summary>Undoes <see cref="Arrive"/>.</summary>
    internal void CancelArrival() => _leads[_arriving] = -1;

    /// <summary>Takes a package whose last CPU goes offline out of the targets.</summary>
    internal void Depart(int package)
    {
        int at = Array.IndexOf(_packages, package, 0, TargetCount);
        Array.Copy(_packages, at + 1, _packages, at, TargetCount - at - 1);
        TargetCount--;
        _leads[package] = -1;
    }

    /// <summary>Hands the role of a lead CPU to another one of its package.</summary>
    /// <returns>False when it was the last.</returns>
    internal bool TryHandOver(int cpu)
    {
        int package = _platform.PackageOfCpu(cpu);
        if (_leads[package] != cpu)
        {
            return true;
        }

        int other = FindLead(package, except: cpu);
        if (other < 0)
        {
            return false;
        }

        _leads[package] = other;
        return true;
    }

    private int FindLead(int package, int except)
    {
        int first = package * _platform.Config.CpusPerPackage;
        for (int cpu = first; cpu < first + _platform.Config.CpusPerPackage; cpu++)
        {
            if (cpu != except && _platform.IsOnline(cpu))
            {
                return cpu;
            }
        }

        return -1;
    }
}
