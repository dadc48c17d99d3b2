using System;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>What differs between the versions of the series, in one place; everything else is common to all.</summary>
/// <remarks>
/// <code>
///                       union   rfc1   rfc2   rfc62   v2
/// type=user               x     (1)     x      x
/// type=cpu                x     (1)     x      x      x
/// type=clear              x             x
/// type=no-encrypt         x             x      x      x
/// entropy for cpu keys    x      (1)    x      x
/// aes-xts-256             x
/// KEYCTL_UPDATE           x             x
/// no KeyID is free     ENOKEY  EDQUOT ENOKEY ENOKEY ENOKEY
/// revoke while in use    ok     EPERM   ok     ok     ok
/// (1) no type=: userkey= and tweak= make a user key, entropy= alone a cpu key
/// </code>
/// Sources: patches 11/12 and 12/12 (September 2018), 10/13 (December 2018), the 62 patches (May 2019), 59 patches
/// (July 2019).
/// </remarks>
internal readonly struct KeyApiRules
{
    /// <summary>Makes the rules of a version.</summary>
    internal KeyApiRules(KeyApiVersion version)
    {
        if (!Enum.IsDefined(version))
        {
            throw new ArgumentOutOfRangeException(
                nameof(version), version, "There is no such version of the key service.");
        }

        Version = version;
    }

    /// <summary>Gets the version.</summary>
    internal KeyApiVersion Version { get; }

    /// <summary>Gets a value indicating whether the payload is written in the options of the first RFC.</summary>
    internal bool HasFirstGrammar => Version == KeyApiVersion.Rfc1;

    /// <summary>Gets a value indicating whether a program may give key material, as key or as entropy.</summary>
    internal bool AcceptsKeyMaterial => Version != KeyApiVersion.V2;

    /// <summary>Gets a value indicating whether aes-xts-256 exists.</summary>
    internal bool AcceptsLongKeys => Version == KeyApiVersion.Union;

    /// <summary>Gets a value indicating whether the payload of a key can be replaced.</summary>
    internal bool HasUpdate => Version is KeyApiVersion.Union or KeyApiVersion.Rfc2;

    /// <summary>Gets a value indicating whether an algorithm must be activated to pass the parser.</summary>
    /// <remarks>In the earlier versions the machine refuses it when the slot is programmed.</remarks>
    internal bool ChecksActivation => Version is KeyApiVersion.Union or KeyApiVersion.V2;

    /// <summary>Gets a value indicating whether keys carry KEY_FLAG_KEEP: no revoking while in use, no invalidating, no
    /// timeout.</summary>
    internal bool KeepsKeys => Version == KeyApiVersion.Rfc1;

    /// <summary>Gets a value indicating whether the kernel stirs random bytes of its own into keys of type
    /// cpu.</summary>
    internal bool StirsKernelEntropy => Version is not (KeyApiVersion.V2 or KeyApiVersion.Rfc1);

    /// <summary>Gets a value indicating whether encrypt_mprotect refuses a length that is no multiple of the page
    /// size.</summary>
    internal bool ChecksLength => Version != KeyApiVersion.Rfc1;

    /// <summary>Gets what add_key answers when every KeyID is taken.</summary>
    internal Errno NoFreeSlot => Version == KeyApiVersion.Rfc1 ? Errno.EDQUOT : Errno.ENOKEY;

    /// <summary>Tells whether a type exists.</summary>
    internal bool Accepts(MemoryKeyType type) => type switch
    {
        MemoryKeyType.User => Version is not KeyApiVersion.V2,
        MemoryKeyType.Cpu => true,
        MemoryKeyType.Clear => Version is KeyApiVersion.Union or KeyApiVersion.Rfc2,
        MemoryKeyType.NoEncrypt => Version is not KeyApiVersion.Rfc1,
        _ => false,
    };
}
