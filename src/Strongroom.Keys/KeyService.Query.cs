using System.Collections.Generic;
using System.Globalization;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>What can be asked about keys.</content>
public sealed partial class KeyService
{
    /// <summary>Describes a key: keyctl(KEYCTL_DESCRIBE, …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="text"><c>mktme;uid;gid;permissions;description</c>, without the NUL that the system call
    /// adds.</param>
    /// <returns>Success; ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES (no right to view).</returns>
    public Errno Describe(KeyCaller caller, KeySerial serial, out string text)
    {
        using Scope scope = new(this);
        text = "";
        Errno errno = LookupLocked(caller, serial, KeyPermissions.View, out MemoryKey? key);
        if (errno == Errno.None)
        {
            // keyctl_describe_key prints the ids with %d.
            text = string.Create(
                CultureInfo.InvariantCulture,
                $"mktme;{unchecked((int)key!.Uid)};{unchecked((int)key.Gid)};{key.Permissions};{key.Description}");
        }

        return errno;
    }

    /// <summary>Answers keyctl(KEYCTL_READ, …), which never succeeds: a payload can be written only.</summary>
    /// <returns>ENOKEY; EACCES (neither the right to read nor possession); else EOPNOTSUPP. Dead keys answer
    /// alike.</returns>
    /// <remarks>Source: keyctl_read_key, security/keys/keyctl.c.</remarks>
    public Errno Read(KeyCaller caller, KeySerial serial)
    {
        using Scope scope = new(this);
        if (!_keys.TryGetValue(serial, out MemoryKey? key))
        {
            return Errno.ENOKEY;
        }

        bool isPossessed = IsPossessedLocked(caller, key);
        return isPossessed || key.Check(caller, KeyPermissions.Read, isPossessed) == Errno.None
            ? Errno.EOPNOTSUPP
            : Errno.EACCES;
    }

    /// <summary>Tells whether a serial names a memory key of this service, dead or alive.</summary>
    public bool IsMemoryKey(KeySerial serial)
    {
        using Scope scope = new(this);
        return _keys.ContainsKey(serial);
    }

    /// <summary>Tells what holds the KeyID of a key.</summary>
    /// <returns>KeyID 0 when there is no such key or it has lost its slot.</returns>
    /// <remarks>For showing and testing. A call that goes on to use the KeyID must <see cref="Hold"/> the
    /// key.</remarks>
    public KeyId FindKeyId(KeySerial serial)
    {
        using Scope scope = new(this);
        return _keys.TryGetValue(serial, out MemoryKey? key) ? key.KeyId : default;
    }

    /// <summary>Lists the slots in use, by KeyID, then the keys that have lost theirs.</summary>
    public IReadOnlyList<KeyInfo> List()
    {
        using Scope scope = new(this);
        List<KeyInfo> list = [];
        for (int number = 1; number <= Slots.SlotCount; number++)
        {
            if (Slots.IsInUse(number))
            {
                KeyId keyId = new((ushort)number);
                KeySlot slot = _slots[number];
                list.Add(Inform(keyId, Slots.GetState(keyId), Slots.GetReferences(keyId), slot));
            }
        }

        foreach (MemoryKey key in _keys.Values)
        {
            if (key.KeyId.IsPlatform)
            {
                list.Add(Inform(default, KeySlotState.Available, default, new() { Key = key, Spec = key.Spec }));
            }
        }

        return list;
    }

    private static KeyInfo Inform(KeyId keyId, KeySlotState state, KeySlotReferences references, KeySlot slot) =>
        slot.Key is not { } key
            ? new(keyId, state, references, slot.Spec) { IsErased = slot.IsErased }
            : new(keyId, state, references, slot.Spec)
            {
                IsErased = slot.IsErased,
                Serial = key.Serial,
                Description = key.Description,
                Uid = key.Uid,
                Gid = key.Gid,
                Permissions = key.Permissions,
                IsRevoked = key.RevokedAt is not null,
                Expiry = key.Expiry,
            };
}
