using System;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Owner, permissions and timeout of a key.</content>
public sealed partial class KeyService
{
    /// <summary>Changes the permissions of a key: keyctl(KEYCTL_SETPERM, …).</summary>
    /// <returns>Success; EINVAL (a bit that means nothing); ENOKEY, EKEYREVOKED, EKEYEXPIRED; EACCES (no right to, or
    /// neither owner nor CAP_SYS_ADMIN).</returns>
    public Errno SetPermissions(KeyCaller caller, KeySerial serial, KeyPermissionMask permissions)
    {
        using Scope scope = new(this);
        if (!permissions.IsValid)
        {
            return Errno.EINVAL;
        }

        Errno errno = LookupLocked(caller, serial, KeyPermissions.SetAttribute, out MemoryKey? key);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!IsAdministrator(caller) && key!.Uid != caller.FsUid)
        {
            return Errno.EACCES;
        }

        key!.Permissions = permissions;
        return Errno.None;
    }

    /// <summary>Changes owner and group of a key: keyctl(KEYCTL_CHOWN, …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="uid">The new owner; null to leave it.</param>
    /// <param name="gid">The new group; null to leave it.</param>
    /// <returns>Success, always when nothing is to be changed; ENOKEY, EKEYREVOKED, EKEYEXPIRED; EACCES (no right to;
    /// another owner or a group that is not the caller's, without CAP_SYS_ADMIN).</returns>
    public Errno ChangeOwner(KeyCaller caller, KeySerial serial, uint? uid, uint? gid)
    {
        using Scope scope = new(this);
        if (uid is null && gid is null)
        {
            return Errno.None;
        }

        Errno errno = LookupLocked(caller, serial, KeyPermissions.SetAttribute, out MemoryKey? key);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isForeignUser = uid is { } user && user != key!.Uid;
        bool isForeignGroup = gid is { } group && group != key!.Gid && !caller.IsInGroup(group);
        if (!IsAdministrator(caller) && (isForeignUser || isForeignGroup))
        {
            return Errno.EACCES;
        }

        key!.Uid = uid ?? key.Uid;
        key.Gid = gid ?? key.Gid;
        return Errno.None;
    }

    /// <summary>Sets when a key expires: keyctl(KEYCTL_SET_TIMEOUT, …). Mappings under it go on working.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="timeoutSeconds">From now; 0 for never.</param>
    /// <returns>Success; ENOKEY, EKEYREVOKED, EKEYEXPIRED; EACCES (no right to); in the first version EPERM.</returns>
    public Errno SetTimeout(KeyCaller caller, KeySerial serial, uint timeoutSeconds)
    {
        using Scope scope = new(this);
        Errno errno = LookupLocked(caller, serial, KeyPermissions.SetAttribute, out MemoryKey? key);
        if (errno != Errno.None || key!.IsKept)
        {
            return errno != Errno.None ? errno : Errno.EPERM;
        }

        key.Expiry = timeoutSeconds == 0 ? null : _options.Time.GetUtcNow() + TimeSpan.FromSeconds(timeoutSeconds);
        ScheduleLocked(key);
        return Errno.None;
    }

    private static bool IsAdministrator(KeyCaller caller) => (caller.Capabilities & KeyCapabilities.SysAdmin) != 0;
}
