using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Keys whose attributes, links and life are somebody else's: the kernel's own key service, on a real host.</content>
public sealed partial class KeyService
{
    /// <summary>Destroys a key because that of the kernel which stood for it is gone. Slots in use stay with their users.</summary>
    public void Forget(KeySerial serial)
    {
        using Scope scope = new(this);
        if (_keys.TryGetValue(serial, out MemoryKey? key))
        {
            key.IsInvalidated = true;
            UnlinkEverywhereLocked(key);
        }
    }

    /// <summary>Takes over owner and permissions.</summary>
    public void Mirror(KeySerial serial, uint uid, uint gid, KeyPermissionMask permissions)
    {
        using Scope scope = new(this);
        if (_keys.TryGetValue(serial, out MemoryKey? key))
        {
            (key.Uid, key.Gid, key.Permissions) = (uid, gid, permissions);
        }
    }

    /// <summary>Takes over permissions.</summary>
    public void MirrorPermissions(KeySerial serial, KeyPermissionMask permissions)
    {
        using Scope scope = new(this);
        if (_keys.TryGetValue(serial, out MemoryKey? key))
        {
            key.Permissions = permissions;
        }
    }

    /// <summary>Takes over a new owner; null leaves the old one.</summary>
    public void MirrorOwner(KeySerial serial, uint? uid, uint? gid)
    {
        using Scope scope = new(this);
        if (_keys.TryGetValue(serial, out MemoryKey? key))
        {
            (key.Uid, key.Gid) = (uid ?? key.Uid, gid ?? key.Gid);
        }
    }

    /// <summary>Takes over that a key was revoked or has expired. It stays until it is forgotten.</summary>
    /// <param name="serial">The key.</param>
    /// <param name="errno">EKEYREVOKED or EKEYEXPIRED.</param>
    public void MirrorEnd(KeySerial serial, Errno errno)
    {
        using Scope scope = new(this);
        if (_keys.TryGetValue(serial, out MemoryKey? key))
        {
            if (errno == Errno.EKEYREVOKED)
            {
                key.RevokedAt ??= _options.Time.GetUtcNow();
                if (key.IsKept && key.HoldCount == 0)
                {
                    key.IsKept = false; // the first version clears the slot of what it lets revoke
                    DetachSlotLocked(key);
                }
            }
            else
            {
                key.Expiry ??= _options.Time.GetUtcNow();
            }
        }
    }

    /// <summary>Tells whether the first version's rules forbid to revoke, invalidate or time out a key now.</summary>
    /// <param name="serial">The key.</param>
    /// <param name="isRevoke">Revoking is forbidden only while a VMA uses the key.</param>
    public bool IsKept(KeySerial serial, bool isRevoke)
    {
        using Scope scope = new(this);
        return _keys.TryGetValue(serial, out MemoryKey? key) && key.IsKept
            && (!isRevoke || key.HoldCount > 0 || Slots.GetReferences(key.KeyId).VmaCount > 0);
    }

    /// <summary>Tells whether a payload can be replaced under these rules.</summary>
    public bool HasUpdate => _rules.HasUpdate;
}
