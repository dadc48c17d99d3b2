using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>One memory key as programs see it. All fields are guarded by the key service's lock.</summary>
internal sealed class MemoryKey
{
    internal MemoryKey(KeySerial serial, string description, KeyCaller owner, KeyPermissionMask permissions)
    {
        Serial = serial;
        Description = description;
        Uid = owner.FsUid;
        Gid = owner.FsGid;
        Permissions = permissions;
    }

    /// <summary>Gets the serial.</summary>
    internal KeySerial Serial { get; }

    /// <summary>Gets the description.</summary>
    internal string Description { get; }

    /// <summary>Gets or sets type and algorithm.</summary>
    internal KeySpec Spec { get; set; }

    /// <summary>Gets or sets the slot; KeyID 0 once the key has given up its reference to it.</summary>
    internal KeyId KeyId { get; set; }

    /// <summary>Gets or sets the owner.</summary>
    internal uint Uid { get; set; }

    /// <summary>Gets or sets the group.</summary>
    internal uint Gid { get; set; }

    /// <summary>Gets or sets the permissions.</summary>
    internal KeyPermissionMask Permissions { get; set; }

    /// <summary>Gets the keyrings that link to the key, each once.</summary>
    internal List<KeySerial> Links { get; } = [];

    /// <summary>Gets or sets the number of calls that use the key now.</summary>
    internal int HoldCount { get; set; }

    /// <summary>Gets or sets when the key was revoked; null while it was not.</summary>
    internal DateTimeOffset? RevokedAt { get; set; }

    /// <summary>Gets or sets a value indicating whether the key was invalidated.</summary>
    internal bool IsInvalidated { get; set; }

    /// <summary>Gets or sets when the key expires; null for never.</summary>
    internal DateTimeOffset? Expiry { get; set; }

    /// <summary>Gets a value indicating whether the key may not be revoked, invalidated or timed out
    /// (KEY_FLAG_KEEP).</summary>
    internal bool IsKept { get; set; }

    /// <summary>Tells whether a caller has rights on the key.</summary>
    internal Errno Check(KeyCaller caller, KeyPermissions need, bool isPossessed) =>
        (Permissions.For(caller, Uid, Gid, isPossessed) & need) == need ? Errno.None : Errno.EACCES;

    /// <summary>Tells whether the key may be used at all: key_validate, security/keys/permission.c.</summary>
    internal Errno Validate(DateTimeOffset now) => IsInvalidated ? Errno.ENOKEY
        : RevokedAt is not null ? Errno.EKEYREVOKED
        : Expiry <= now ? Errno.EKEYEXPIRED
        : Errno.None;
}
