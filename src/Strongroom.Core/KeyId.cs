using System;
using System.Globalization;

namespace Strongroom.Core;

/// <summary>The number of a key slot.</summary>
/// <remarks>
/// KeyID 0 is Intel's platform-wide key (TME). On a real host Strongroom has no such key: there, KeyID 0 means memory that
/// is not encrypted, and the pager hands out KeyIDs from 1. Source: reference in docs/terms.md.
/// </remarks>
public readonly struct KeyId : IEquatable<KeyId>
{
    /// <summary>Makes a KeyID from its number.</summary>
    /// <param name="value">0 to 65535.</param>
    public KeyId(ushort value)
    {
        Value = value;
    }

    /// <summary>Gets the number, 0 to 65535.</summary>
    public ushort Value { get; }

    /// <summary>Gets a value indicating whether this is KeyID 0, which names no slot of its own.</summary>
    public bool IsPlatform => Value == 0;

    /// <summary>Tells whether two KeyIDs are the same slot.</summary>
    public static bool operator ==(KeyId left, KeyId right) => left.Value == right.Value;

    /// <summary>Tells whether two KeyIDs are different slots.</summary>
    public static bool operator !=(KeyId left, KeyId right) => left.Value != right.Value;

    /// <inheritdoc/>
    public bool Equals(KeyId other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KeyId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
