using System;

namespace Strongroom.Keys;

/// <summary>What a program may do with a key; one byte of the key's permission mask.</summary>
/// <remarks>Numbers are those of keyctl_setperm(3) and include/linux/key.h.</remarks>
[Flags]
public enum KeyPermissions : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>See its attributes; also what encrypt_mprotect asks for.</summary>
    View = 0x01,

    /// <summary>Read its payload; memory keys have no way to.</summary>
    Read = 0x02,

    /// <summary>Change its payload; for a keyring: add and remove links.</summary>
    Write = 0x04,

    /// <summary>Find it by searching; also what invalidating asks for.</summary>
    Search = 0x08,

    /// <summary>Make links to it.</summary>
    Link = 0x10,

    /// <summary>Change owner, group, permissions and timeout.</summary>
    SetAttribute = 0x20,

    /// <summary>All of the above.</summary>
    All = 0x3f,
}

/// <summary>The permission mask of a key: four sets of rights, <c>0xPPUUGGOO</c> for possessor, user, group and
/// others.</summary>
public readonly struct KeyPermissionMask : IEquatable<KeyPermissionMask>
{
    private const uint AllBits = 0x3f3f3f3f;

    /// <summary>Makes a mask from its number.</summary>
    /// <param name="value">As printed by keyctl describe; see <see cref="IsValid"/>.</param>
    public KeyPermissionMask(uint value)
    {
        Value = value;
    }

    /// <summary>Makes a mask from its four sets.</summary>
    public KeyPermissionMask(KeyPermissions possessor, KeyPermissions user, KeyPermissions group, KeyPermissions other)
        : this(((uint)possessor << 24) | ((uint)user << 16) | ((uint)group << 8) | (uint)other)
    {
    }

    /// <summary>Gets the mask as a number.</summary>
    public uint Value { get; }

    /// <summary>Gets the rights of a caller who possesses the key.</summary>
    public KeyPermissions Possessor => (KeyPermissions)(byte)(Value >> 24);

    /// <summary>Gets the rights of the key's owner.</summary>
    public KeyPermissions User => (KeyPermissions)(byte)(Value >> 16 & 0xff);

    /// <summary>Gets the rights of the key's group.</summary>
    public KeyPermissions Group => (KeyPermissions)(byte)(Value >> 8 & 0xff);

    /// <summary>Gets everybody else's rights.</summary>
    public KeyPermissions Other => (KeyPermissions)(byte)(Value & 0xff);

    /// <summary>Gets a value indicating whether only bits are set that mean something.</summary>
    public bool IsValid => (Value & ~AllBits) == 0;

    /// <summary>Tells whether two masks are equal.</summary>
    public static bool operator ==(KeyPermissionMask left, KeyPermissionMask right) => left.Value == right.Value;

    /// <summary>Tells whether two masks differ.</summary>
    public static bool operator !=(KeyPermissionMask left, KeyPermissionMask right) => left.Value != right.Value;

    /// <summary>Gets the rights of a caller.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="uid">The key's owner.</param>
    /// <param name="gid">The key's group.</param>
    /// <param name="isPossessed">Whether the caller possesses the key; those rights come on top.</param>
    /// <remarks>Source: key_task_permission, security/keys/permission.c.</remarks>
    public KeyPermissions For(KeyCaller caller, uint uid, uint gid, bool isPossessed)
    {
        KeyPermissions rights = caller.FsUid == uid ? User
            : caller.IsInGroup(gid) && Group != KeyPermissions.None ? Group : Other;
        return (isPossessed ? rights | Possessor : rights) & KeyPermissions.All;
    }

    /// <inheritdoc/>
    public bool Equals(KeyPermissionMask other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KeyPermissionMask other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => $"{Value:x8}";
}
