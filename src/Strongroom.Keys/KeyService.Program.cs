using System;
using System.Diagnostics;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Programming a slot on every target: attempts, order of errors, and clearing.</content>
public sealed partial class KeyService
{
    /// <summary>How often a command is tried before it fails.</summary>
    /// <remarks>Source: the series' programming loop of the 62 patches and later; there is no pause between
    /// attempts.</remarks>
    public const int MaxProgramAttempts = 10;

    // All zero for ever: what commands without key material carry.
    private static readonly byte[] s_noFields = new byte[KeyFields.LengthBytes];

    /// <summary>Programs a slot with new key material.</summary>
    /// <param name="keyId">The slot.</param>
    /// <param name="spec">Type and algorithm.</param>
    /// <param name="fields">The material; kernel entropy may be stirred in. The caller wipes it.</param>
    /// <returns>Success; or the result that ended it.</returns>
    private ProgramOutcome ProgramSlotLocked(KeyId keyId, KeySpec spec, Span<byte> fields)
    {
        if (spec.Command == KeyCommand.SetKeyRandom && _rules.StirsKernelEntropy)
        {
            StirEntropy(spec.Algorithm, fields);
        }

        ProgramOutcome outcome = ProgramLocked(new(keyId, spec.Command, spec.Algorithm), fields);
        if (outcome.Status != ProgramStatus.Success)
        {
            _counters.ProgramFailures++;
            _options.ProgrammingFailed?.Invoke(new(keyId, spec.Command, spec.Algorithm), outcome.Status);
            return outcome;
        }

        _slots[keyId.Value].IsProgrammed = true;
        _slots[keyId.Value].Spec = spec;
        if (spec.Type == MemoryKeyType.User)
        {
            _options.FieldStore?.Store(keyId, fields);
        }
        else
        {
            _options.FieldStore?.Forget(keyId);
        }

        return outcome;
    }

    /// <summary>Makes every target forget a slot.</summary>
    private void ClearSlotLocked(KeyId keyId)
    {
        _options.FieldStore?.Forget(keyId);
        KeyProgram program = new(keyId, KeyCommand.ClearKey, _programmer.ActivatedAlgorithms.Lowest());
        ProgramStatus status = ProgramLocked(program, s_noFields).Status;
        _counters.SlotsCleared++;
        if (status != ProgramStatus.Success)
        {
            // The slot is used again all the same, as in the series: its next key replaces what stayed behind, and
            // holding it back would let one bad moment of the hardware eat the KeyIDs.
            _counters.ClearFailures++;
            _options.ProgrammingFailed?.Invoke(program, status);
        }
    }

    /// <summary>Does a command on all targets, again while it fails for the moment only.</summary>
    private ProgramOutcome ProgramLocked(KeyProgram program, ReadOnlySpan<byte> fields)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "ProgramLocked needs the lock.");
        bool isAnyTaken = false;
        ProgramStatus status = ProgramStatus.Success;
        for (int attempt = 1; attempt <= MaxProgramAttempts; attempt++)
        {
            status = ProgramOnceLocked(program, fields, ref isAnyTaken);
            if (!status.IsTransient())
            {
                break;
            }

            if (attempt < MaxProgramAttempts)
            {
                _counters.BusyRetries += status == ProgramStatus.DeviceBusy ? 1 : 0;
                _counters.EntropyRetries += status == ProgramStatus.EntropyError ? 1 : 0;
            }
        }

        return new(status, isAnyTaken);
    }

    /// <summary>Does a command once on every target, and tells the worst result.</summary>
    /// <remarks>All targets get it even if one refuses, for they work in parallel on hardware. An invalid command beats
    /// a busy table, which beats missing entropy; of several invalid ones the first target's counts.</remarks>
    private ProgramStatus ProgramOnceLocked(KeyProgram program, ReadOnlySpan<byte> fields, ref bool isAnyTaken)
    {
        ProgramStatus worst = ProgramStatus.Success;
        int targetCount = _programmer.TargetCount;
        for (int target = 0; target < targetCount; target++)
        {
            ProgramStatus status = _programmer.Program(target, program, fields);
            _counters.ProgramCommands++;
            isAnyTaken |= status == ProgramStatus.Success;
            if (Rank(status) > Rank(worst))
            {
                worst = status;
            }
        }

        return worst;
    }

    private static int Rank(ProgramStatus status) => status switch
    {
        ProgramStatus.Success => 0,
        ProgramStatus.EntropyError => 1,
        ProgramStatus.DeviceBusy => 2,
        _ => 3,
    };

    /// <summary>Adds the kernel's own random bytes to the entropy of a key that the machine draws, the same to both
    /// fields.</summary>
    private void StirEntropy(AlgorithmSet algorithm, Span<byte> fields)
    {
        // The upper half of the data field is unused for every algorithm there is, and lies in the caller's secret
        // memory.
        int bytes = KeyFields.KeyBytes(algorithm);
        Span<byte> random = KeyFields.Data(fields).Slice(KeyFields.FieldBytes / 2, bytes);
        _options.FillRandom(random);
        for (int i = 0; i < bytes; i++)
        {
            KeyFields.Data(fields)[i] ^= random[i];
            KeyFields.Tweak(fields)[i] ^= random[i];
        }

        CryptographicOperations.ZeroMemory(random);
    }

    /// <summary>The result of programming, and whether any target took the command.</summary>
    private readonly struct ProgramOutcome(ProgramStatus status, bool isAnyTaken)
    {
        internal ProgramStatus Status { get; } = status;

        internal bool IsAnyTaken { get; } = isAnyTaken;
    }
}
