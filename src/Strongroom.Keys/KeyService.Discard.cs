using System;
using System.Diagnostics;
using System.Linq;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>The ends of a key: revoke, invalidate, expire, lose the last link, be erased.</content>
public sealed partial class KeyService
{
    /// <summary>Makes a key unusable for new calls: keyctl(KEYCTL_REVOKE, …). Mappings under it go on
    /// working.</summary>
    /// <returns>
    /// Success; ENOKEY, EKEYREVOKED (already), EKEYEXPIRED, EACCES (neither Write nor SetAttribute); in the first
    /// version EPERM while a VMA uses it.
    /// </returns>
    public Errno Revoke(KeyCaller caller, KeySerial serial)
    {
        using Scope scope = new(this);
        Errno errno = LookupLocked(caller, serial, KeyPermissions.Write, out MemoryKey? key);
        if (errno == Errno.EACCES)
        {
            errno = LookupLocked(caller, serial, KeyPermissions.SetAttribute, out key);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        if (key!.IsKept)
        {
            // A hold is a VMA in the making: freeing the slot under it would hand the VMA another key.
            if (key.HoldCount > 0 || Slots.GetReferences(key.KeyId).VmaCount > 0)
            {
                return Errno.EPERM;
            }

            // The first version cleared the slot right here, synchronously.
            key.IsKept = false;
            DetachSlotLocked(key);
        }

        RevokeKeyLocked(key);
        return Errno.None;
    }

    /// <summary>Makes a key invisible and destroys it at once: keyctl(KEYCTL_INVALIDATE, …). Mappings under it go on
    /// working.</summary>
    /// <returns>Success; ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES (no Search); in the first version EPERM.</returns>
    public Errno Invalidate(KeyCaller caller, KeySerial serial)
    {
        using Scope scope = new(this);
        Errno errno = LookupLocked(caller, serial, KeyPermissions.Search, out MemoryKey? key);
        if (errno != Errno.None || key!.IsKept)
        {
            return errno != Errno.None ? errno : Errno.EPERM;
        }

        key.IsInvalidated = true;
        UnlinkEverywhereLocked(key);
        return Errno.None;
    }

    /// <summary>Destroys a key and what is stored under it at once, whatever uses it. Beyond the series.</summary>
    /// <remarks>
    /// The slot is cleared on every target now, so nothing that was written under it can be read again; it is given to
    /// another key only when its last VMA and page are gone. What an access to such a mapping finds is the machine's to
    /// say.
    /// </remarks>
    /// <returns>Success; ENOKEY, EKEYREVOKED and EKEYEXPIRED never (a dead key can be erased too); EACCES (no
    /// Search).</returns>
    public Errno Erase(KeyCaller caller, KeySerial serial)
    {
        using Scope scope = new(this);
        if (!_keys.TryGetValue(serial, out MemoryKey? key) || key.IsInvalidated)
        {
            return Errno.ENOKEY;
        }

        Errno errno = key.Check(caller, KeyPermissions.Search, IsPossessedLocked(caller, key));
        if (errno != Errno.None)
        {
            return errno;
        }

        EraseLocked(key.KeyId, key);
        return Errno.None;
    }

    /// <summary>Destroys what is stored under a slot, and its key if it still has one, without asking for
    /// rights.</summary>
    /// <param name="keyId">1 to <see cref="KeySlotTable.SlotCount"/>.</param>
    /// <returns>Success; ENOKEY when the slot is not in use.</returns>
    /// <remarks>For whoever runs the machine; <see cref="Erase"/> is for programs.</remarks>
    public Errno EraseSlot(KeyId keyId)
    {
        using Scope scope = new(this);
        if (Slots.GetState(keyId) is not (KeySlotState.Assigned or KeySlotState.Killed))
        {
            return Errno.ENOKEY;
        }

        EraseLocked(keyId, _slots[keyId.Value].Key);
        return Errno.None;
    }

    /// <summary>Destroys all keys, as when the machine stops. Slots in use stay with their VMAs and pages.</summary>
    public void Clear()
    {
        using Scope scope = new(this);
        foreach (MemoryKey key in _keys.Values.ToArray())
        {
            key.IsInvalidated = true;
            UnlinkEverywhereLocked(key);
        }
    }

    private void EraseLocked(KeyId keyId, MemoryKey? key)
    {
        if (!keyId.IsPlatform)
        {
            _slots[keyId.Value].IsErased = true;
            _slots[keyId.Value].IsProgrammed = false;
            ClearSlotLocked(keyId);
        }

        if (key is not null)
        {
            key.IsInvalidated = true;
            UnlinkEverywhereLocked(key);
        }
    }

    private void RevokeKeyLocked(MemoryKey key)
    {
        key.RevokedAt ??= _options.Time.GetUtcNow();
        ScheduleLocked(key);
    }

    /// <summary>Remembers to look at a key when its time is over; an earlier reminder is found stale then.</summary>
    private void ScheduleLocked(MemoryKey key)
    {
        if (Due(key) is { } due)
        {
            _mortal.Enqueue(key, due);
        }
    }

    /// <summary>Takes dead keys out of the keyrings once their time is over.</summary>
    /// <returns>When the next one is due; null when none is waiting.</returns>
    private DateTimeOffset? CollectLocked()
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "CollectLocked needs the lock.");
        while (_mortal.TryPeek(out MemoryKey? key, out DateTimeOffset reminder))
        {
            bool isStale = key.Links.Count == 0 || Due(key) != reminder;
            if (!isStale && reminder > _options.Time.GetUtcNow())
            {
                return reminder;
            }

            _ = _mortal.Dequeue();
            if (!isStale)
            {
                UnlinkEverywhereLocked(key);
            }
        }

        return null;
    }

    /// <summary>Gets when a key leaves its keyrings, a while after its death; null while nothing ends it.</summary>
    private DateTimeOffset? Due(MemoryKey key)
    {
        DateTimeOffset? death = key.Expiry is null || key.RevokedAt < key.Expiry ? key.RevokedAt : key.Expiry;
        return death > DateTimeOffset.MaxValue - _options.GarbageDelay
            ? DateTimeOffset.MaxValue
            : death + _options.GarbageDelay;
    }

    private void DestroyIfUnusedLocked(MemoryKey key)
    {
        if (key.Links.Count == 0 && key.HoldCount == 0 && _keys.Remove(key.Serial))
        {
            _counters.KeysDestroyed++;
            DetachSlotLocked(key);
        }
    }

    /// <summary>Drops the key's own reference to its slot.</summary>
    private void DetachSlotLocked(MemoryKey key)
    {
        if (!key.KeyId.IsPlatform)
        {
            KeyId keyId = key.KeyId;
            key.KeyId = default;
            _slots[keyId.Value].Key = null;
            Slots.DropKey(keyId);
        }
    }
}
