using System;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>What can be told about one slot in use, and about its key if it still exists; never its material.</summary>
public sealed class KeyInfo
{
    internal KeyInfo(KeyId keyId, KeySlotState state, KeySlotReferences references, KeySpec spec)
    {
        KeyId = keyId;
        State = state;
        References = references;
        Spec = spec;
    }

    /// <summary>Gets the slot; KeyID 0 for a key that has lost its slot.</summary>
    public KeyId KeyId { get; }

    /// <summary>Gets the slot's state.</summary>
    public KeySlotState State { get; }

    /// <summary>Gets what holds the slot.</summary>
    public KeySlotReferences References { get; }

    /// <summary>Gets type and algorithm.</summary>
    public KeySpec Spec { get; }

    /// <summary>Gets a value indicating whether the slot was erased at once although it was in use.</summary>
    public bool IsErased { get; init; }

    /// <summary>Gets the serial of the key; 0 when it no longer exists.</summary>
    public KeySerial Serial { get; init; }

    /// <summary>Gets the description of the key; empty when it no longer exists.</summary>
    public string Description { get; init; } = "";

    /// <summary>Gets the key's owner.</summary>
    public uint Uid { get; init; }

    /// <summary>Gets the key's group.</summary>
    public uint Gid { get; init; }

    /// <summary>Gets the key's permissions.</summary>
    public KeyPermissionMask Permissions { get; init; }

    /// <summary>Gets a value indicating whether the key was revoked.</summary>
    public bool IsRevoked { get; init; }

    /// <summary>Gets when the key expires or expired; null for never.</summary>
    public DateTimeOffset? Expiry { get; init; }
}
