using System;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Key tables that come and go: packages of the modelled machine.</content>
public sealed partial class KeyService
{
    /// <summary>Gets a value indicating whether any slot is in use, with or without its key.</summary>
    public bool IsAnySlotInUse => Slots.AvailableCount != Slots.SlotCount;

    /// <summary>Programs all slots in use on a target that is about to be added, and adds it.</summary>
    /// <param name="commit">Makes the target the last of <see cref="IKeyProgrammer.TargetCount"/>; called with the lock
    /// held, only on success. Until then it is programmed under the number that it will have.</param>
    /// <param name="fields">Secret memory to work in, <see cref="KeyFields.LengthBytes"/> long; wiped on
    /// return.</param>
    /// <returns>Success; EPERM (a user-type key whose material was not kept); ENOKEY (programming failed).</returns>
    /// <remarks>
    /// Nobody can give the new target the key that the processors of the others drew for a key of type cpu: it draws
    /// its own, which is harmless only because each package owns its own memory. Source: mktme_hotplug_cpu_startup of
    /// the series.
    /// </remarks>
    public Errno AddTarget(Action commit, Span<byte> fields)
    {
        ArgumentNullException.ThrowIfNull(commit);
        ArgumentOutOfRangeException.ThrowIfNotEqual(fields.Length, KeyFields.LengthBytes, nameof(fields));
        using Scope scope = new(this);
        try
        {
            Errno errno = ProgramNewTargetLocked(_programmer.TargetCount, fields);
            if (errno == Errno.None)
            {
                _isTopologyKnownSafe = false;
                commit();
            }

            return errno;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fields);
        }
    }

    /// <summary>Takes a target away, if that may be: not while a slot is in use, but in the two first versions
    /// always.</summary>
    /// <param name="commit">Takes the target out of <see cref="IKeyProgrammer.TargetCount"/>; called with the lock
    /// held.</param>
    /// <returns>Success or EPERM.</returns>
    public Errno RemoveTarget(Action commit)
    {
        ArgumentNullException.ThrowIfNull(commit);
        using Scope scope = new(this);
        if (IsAnySlotInUse && _rules.Version is not (KeyApiVersion.Rfc1 or KeyApiVersion.Rfc2))
        {
            return Errno.EPERM;
        }

        _isTopologyKnownSafe = false;
        commit();
        return Errno.None;
    }

    /// <summary>Makes the next key wait for another look at the topology, after memory or processors came or
    /// went.</summary>
    public void ForgetTopology()
    {
        using Scope scope = new(this);
        _isTopologyKnownSafe = false;
    }

    private Errno ProgramNewTargetLocked(int target, Span<byte> fields)
    {
        for (int number = 1; number <= Slots.SlotCount; number++)
        {
            // Asked for all slots before the first is programmed, so that a refusal leaves the new table untouched.
            if (_slots[number] is { IsProgrammed: true, Spec.Type: MemoryKeyType.User }
                && _options.FieldStore?.TryLoad(new((ushort)number), fields) != true)
            {
                return Errno.EPERM;
            }
        }

        for (int number = 1; number <= Slots.SlotCount; number++)
        {
            if (_slots[number].IsProgrammed && !TryProgramNewTargetLocked(target, new((ushort)number), fields))
            {
                ClearNewTargetLocked(target, number - 1);
                return Errno.ENOKEY;
            }
        }

        return Errno.None;
    }

    /// <summary>Takes the keys away again from a target that is not added after all.</summary>
    private void ClearNewTargetLocked(int target, int last)
    {
        for (int number = 1; number <= last; number++)
        {
            if (_slots[number].IsProgrammed)
            {
                KeyProgram program = new(
                    new((ushort)number), KeyCommand.ClearKey, _programmer.ActivatedAlgorithms.Lowest());
                _ = TryProgramTargetLocked(target, program, s_noFields); // the target is refused anyway
            }
        }
    }

    private bool TryProgramNewTargetLocked(int target, KeyId keyId, Span<byte> fields)
    {
        KeySpec spec = _slots[keyId.Value].Spec;
        fields.Clear();
        if (spec.Type == MemoryKeyType.User && _options.FieldStore?.TryLoad(keyId, fields) != true)
        {
            return false;
        }

        if (spec.Type == MemoryKeyType.Cpu && _rules.StirsKernelEntropy)
        {
            StirEntropy(spec.Algorithm, fields);
        }

        return TryProgramTargetLocked(target, new(keyId, spec.Command, spec.Algorithm), fields);
    }

    private bool TryProgramTargetLocked(int target, KeyProgram program, ReadOnlySpan<byte> fields)
    {
        ProgramStatus status = ProgramStatus.DeviceBusy;
        for (int attempt = 1; attempt <= MaxProgramAttempts && status.IsTransient(); attempt++)
        {
            status = _programmer.Program(target, program, fields);
            _counters.ProgramCommands++;
        }

        return status == ProgramStatus.Success;
    }
}
