using System;
using System.Collections.Generic;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Making keys: add_key(2), and request_key(2) with what it makes.</content>
public sealed partial class KeyService
{
    // include/uapi/linux/keyctl.h: a description is at most a page with its NUL.
    private const int MaxDescriptionLength = 4095;

    /// <summary>Makes a key and links it to a keyring: add_key("mktme", …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="description">The key's name; not empty. One character for each byte that the program gave
    /// (Latin-1), so that names in any encoding come back as they were.</param>
    /// <param name="payload">What the key is to be, see <see cref="KeyPayload"/>. The caller wipes it.</param>
    /// <param name="keyring">The keyring to link it to; a key of the same description there is displaced, or, in
    /// versions with an update, gets the new payload and keeps its serial.</param>
    /// <param name="fields">Secret memory to work in, <see cref="KeyFields.LengthBytes"/> long; wiped on
    /// return.</param>
    /// <param name="serial">The key's serial.</param>
    /// <returns>
    /// Success, or, in the order of the checks: EINVAL (description too long); what resolving the keyring answers;
    /// ENODEV (no such key type on this machine); EACCES (no capability); EINVAL (payload); EINVAL (no description; in
    /// the first version before the capability); with an update: EACCES, EBUSY, ENOKEY; EINVAL (unsafe topology);
    /// ENOKEY, in the first version EDQUOT (no free KeyID); ENOKEY (programming failed).
    /// </returns>
    public Errno Add(
        KeyCaller caller,
        string description,
        ReadOnlySpan<byte> payload,
        KeySerial keyring,
        Span<byte> fields,
        out KeySerial serial)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentOutOfRangeException.ThrowIfNotEqual(fields.Length, KeyFields.LengthBytes, nameof(fields));
        using Scope scope = new(this);
        try
        {
            return AddLocked(caller, description, payload, keyring, fields, out serial);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fields);
        }
    }

    /// <summary>Finds a key in the caller's keyrings, or makes it: request_key("mktme", …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="description">The key's name.</param>
    /// <param name="calloutInfo">
    /// Empty to only search. Otherwise the payload of the key to make: what /sbin/request-key would be handed, which
    /// for this key type is the payload (the libvirt patches call it so). The caller wipes it.
    /// </param>
    /// <param name="keyring">Where to link what was found or made; null for nowhere when found, the session when
    /// made.</param>
    /// <param name="fields">As for <see cref="Add"/>.</param>
    /// <param name="serial">The key's serial.</param>
    /// <returns>Success; ENOKEY (none, and nothing to make it from), EKEYREVOKED, EKEYEXPIRED, EACCES; or as for
    /// <see cref="Add"/>.</returns>
    public Errno Request(
        KeyCaller caller,
        string description,
        ReadOnlySpan<byte> calloutInfo,
        KeySerial? keyring,
        Span<byte> fields,
        out KeySerial serial)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentOutOfRangeException.ThrowIfNotEqual(fields.Length, KeyFields.LengthBytes, nameof(fields));
        using Scope scope = new(this);
        try
        {
            Errno errno = SearchLocked(caller, _keyrings.Possessed(caller), description, keyring, out serial);
            return errno == Errno.ENOKEY && !calloutInfo.IsEmpty
                ? AddLocked(caller, description, calloutInfo, keyring ?? KeySerial.SessionKeyring, fields, out serial)
                : errno;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fields);
        }
    }

    private Errno AddLocked(
        KeyCaller caller,
        string description,
        ReadOnlySpan<byte> payload,
        KeySerial named,
        Span<byte> fields,
        out KeySerial serial)
    {
        serial = default;
        if (description.Length > MaxDescriptionLength)
        {
            return Errno.EINVAL;
        }

        Errno errno = _keyrings.Resolve(caller, named, KeyPermissions.Write, out KeySerial keyring);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!_programmer.IsAvailable)
        {
            return Errno.ENODEV;
        }

        // The first version had no preparse method, without which the key service core wants a description at once.
        if (_rules.HasFirstGrammar && description.Length == 0)
        {
            return Errno.EINVAL;
        }

        errno = PreparseLocked(caller, payload, fields, out KeySpec spec);
        if (errno != Errno.None || description.Length == 0)
        {
            return errno != Errno.None ? errno : Errno.EINVAL;
        }

        MemoryKey? existing = FindLinkLocked(keyring, description);
        if (_rules.HasUpdate && existing is { IsInvalidated: false, RevokedAt: null })
        {
            serial = existing.Serial;
            errno = existing.Check(caller, KeyPermissions.Write, IsPossessedLocked(caller, existing));
            return errno != Errno.None ? errno : UpdateLocked(existing, spec, fields);
        }

        return InstantiateLocked(caller, description, spec, keyring, fields, out serial);
    }

    /// <summary>Checks what can be checked without a key: capability, then payload.</summary>
    private Errno PreparseLocked(KeyCaller caller, ReadOnlySpan<byte> payload, Span<byte> fields, out KeySpec spec)
    {
        spec = default;
        return _options.IsCapabilityRequired
            && (caller.Capabilities & (KeyCapabilities.SysAdmin | KeyCapabilities.SysResource)) == 0
            ? Errno.EACCES
            : KeyPayload.Parse(_rules.Version, _programmer.ActivatedAlgorithms, payload, fields, out spec);
    }

    private Errno InstantiateLocked(
        KeyCaller caller,
        string description,
        KeySpec spec,
        KeySerial keyring,
        Span<byte> fields,
        out KeySerial serial)
    {
        serial = default;
        if (!_isTopologyKnownSafe && !_programmer.IsTopologySafe())
        {
            return Errno.EINVAL;
        }

        _isTopologyKnownSafe = true;
        if (!Slots.TryReserve(out KeyId keyId))
        {
            return _rules.NoFreeSlot;
        }

        if (ProgramSlotLocked(keyId, spec, fields).Status != ProgramStatus.Success)
        {
            // Some targets may have taken the key; dropping the reference clears the slot on all of them.
            Slots.DropKey(keyId);
            return Errno.ENOKEY;
        }

        MemoryKey key = new(NewSerialLocked(), description, caller, DefaultPermissions())
        {
            Spec = spec,
            KeyId = keyId,
            IsKept = _rules.KeepsKeys,
        };
        _slots[keyId.Value].Key = key;
        _keys.Add(key.Serial, key);
        LinkLocked(keyring, key);
        _counters.KeysAdded++;
        serial = key.Serial;
        return Errno.None;
    }

    /// <summary>Gets the permissions of a new key: key_create_or_update, security/keys/key.c.</summary>
    private KeyPermissionMask DefaultPermissions() => new(
        KeyPermissions.View | KeyPermissions.Search | KeyPermissions.Link | KeyPermissions.SetAttribute
            | (_rules.HasUpdate ? KeyPermissions.Write : KeyPermissions.None),
        KeyPermissions.View,
        KeyPermissions.None,
        KeyPermissions.None);

    private KeySerial NewSerialLocked()
    {
        KeySerial serial = _keyrings.ProposeSerial();
        while (_keys.ContainsKey(serial))
        {
            serial = _keyrings.ProposeSerial();
        }

        return serial;
    }

    private MemoryKey? FindLinkLocked(KeySerial keyring, string description) =>
        _links.TryGetValue(keyring, out Dictionary<string, MemoryKey>? linked)
            && linked.TryGetValue(description, out MemoryKey? key) ? key : null;
}
