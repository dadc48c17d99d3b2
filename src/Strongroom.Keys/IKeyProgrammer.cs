using System;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>The machine's key tables, one per target: a package of the modelled machine, or the one table of a real
/// host.</summary>
/// <remarks>
/// <para>
/// The key service calls it with its own lock held, so calls never overlap, and the targets must not change meanwhile:
/// a machine that gains or loses targets does it inside <see cref="KeyService.AddTarget"/> and
/// <see cref="KeyService.RemoveTarget"/>.
/// </para>
/// <para>
/// An implementation must not call back into the key service. It may take and drop references of
/// <see cref="KeySlotTable"/>, which needs no lock, and must not take the lock of an address space, whose holders drop
/// references and so wait for nothing here but may be waited for.
/// </para>
/// </remarks>
public interface IKeyProgrammer
{
    /// <summary>Gets a value indicating whether the key type exists at all; false without the table that tells which
    /// CPU can program which memory controller (ACPI HMAT). Fixed for life.</summary>
    public bool IsAvailable { get; }

    /// <summary>Gets the algorithms that are activated. Fixed for life.</summary>
    public AlgorithmSet ActivatedAlgorithms { get; }

    /// <summary>Gets the number of key tables; every command goes to each of them.</summary>
    public int TargetCount { get; }

    /// <summary>Tells whether every memory controller can be programmed by some CPU that is online.</summary>
    /// <remarks>Asked before the first key and again after the topology changed; while false, no key can be
    /// made.</remarks>
    public bool IsTopologySafe();

    /// <summary>Does one command on one target.</summary>
    /// <param name="target">0 to <see cref="TargetCount"/> - 1.</param>
    /// <param name="program">The command.</param>
    /// <param name="fields">
    /// Key material in the layout of <see cref="KeyFields"/>, valid during the call only; all zero for
    /// <see cref="KeyCommand.ClearKey"/> and <see cref="KeyCommand.NoEncrypt"/>. The caller wipes it.
    /// </param>
    /// <returns>Success; or why not, in which case the target's table is as it was.</returns>
    public ProgramStatus Program(int target, in KeyProgram program, ReadOnlySpan<byte> fields);
}

/// <summary>Keeps what a program gave for its user-type keys, so that a target that appears later can be programmed
/// too.</summary>
/// <remarks>
/// Optional: without one, a new target is refused while a user-type key exists (the series' boot options mktme_savekeys
/// and mktme_storekeys). The bytes must be kept in secret memory. Called with the key service's lock held.
/// </remarks>
public interface IKeyFieldStore
{
    /// <summary>Keeps the fields of a slot, replacing what was kept for it.</summary>
    /// <param name="keyId">The slot.</param>
    /// <param name="fields">Both fields, <see cref="KeyFields.LengthBytes"/> long; copied.</param>
    public void Store(KeyId keyId, ReadOnlySpan<byte> fields);

    /// <summary>Copies out the fields of a slot.</summary>
    /// <param name="keyId">The slot.</param>
    /// <param name="fields">Receives both fields; the caller wipes it.</param>
    /// <returns>False when nothing is kept for the slot.</returns>
    public bool TryLoad(KeyId keyId, Span<byte> fields);

    /// <summary>Wipes what is kept for a slot, if anything.</summary>
    public void Forget(KeyId keyId);
}
