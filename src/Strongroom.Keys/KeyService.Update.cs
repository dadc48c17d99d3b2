using System;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Replacing the payload of a key: KEYCTL_UPDATE, in the versions that have it.</content>
public sealed partial class KeyService
{
    // keyctl_update_key, security/keys/keyctl.c.
    private const int MaxUpdateLengthBytes = PageNumber.SizeBytes;

    /// <summary>Gives a key another payload, in the slot that it has: keyctl(KEYCTL_UPDATE, …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="payload">What the key is to be. The caller wipes it.</param>
    /// <param name="fields">As for <see cref="Add"/>.</param>
    /// <returns>
    /// Success, or, in the order of the checks: EINVAL (longer than a page); ENOKEY, EKEYREVOKED, EKEYEXPIRED; EACCES
    /// (no right to write); EOPNOTSUPP (this version has no update); EACCES (no capability); EINVAL (payload); EINVAL
    /// (the key has lost its slot); EBUSY (a VMA or a page uses it); ENOKEY (programming failed).
    /// </returns>
    public Errno Update(KeyCaller caller, KeySerial serial, ReadOnlySpan<byte> payload, Span<byte> fields)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fields.Length, KeyFields.LengthBytes, nameof(fields));
        using Scope scope = new(this);
        try
        {
            if (payload.Length > MaxUpdateLengthBytes)
            {
                return Errno.EINVAL;
            }

            Errno errno = LookupLocked(caller, serial, KeyPermissions.Write, out MemoryKey? key);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (!_rules.HasUpdate)
            {
                return Errno.EOPNOTSUPP;
            }

            errno = PreparseLocked(caller, payload, fields, out KeySpec spec);
            return errno != Errno.None ? errno : UpdateLocked(key!, spec, fields);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fields);
        }
    }

    private Errno UpdateLocked(MemoryKey key, KeySpec spec, Span<byte> fields)
    {
        if (key.KeyId.IsPlatform)
        {
            return Errno.EINVAL;
        }

        // A hold is a call on its way to taking a VMA's reference; it counts as use. The references are read once: they
        // can only grow from the key's own one through a hold.
        if (key.HoldCount > 0 || Slots.GetReferences(key.KeyId).Total > 1)
        {
            return Errno.EBUSY;
        }

        ProgramOutcome outcome = ProgramSlotLocked(key.KeyId, spec, fields);
        if (outcome.Status == ProgramStatus.Success)
        {
            key.Spec = spec;
            _counters.KeysUpdated++;
            return Errno.None;
        }

        if (outcome.IsAnyTaken)
        {
            // Targets now disagree about the key. Nothing may be stored under it: it dies, and its slot is cleared
            // everywhere.
            RevokeKeyLocked(key);
            DetachSlotLocked(key);
        }

        return Errno.ENOKEY;
    }
}
