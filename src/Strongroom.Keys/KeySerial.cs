using System;
using System.Globalization;

namespace Strongroom.Keys;

/// <summary>The number by which programs name a key or a keyring, <c>key_serial_t</c> in the kernel.</summary>
/// <remarks>
/// Keys and keyrings have positive serials. Small negative ones are the special keyrings of keyctl(2): -1 the thread's,
/// -2 the process's, -3 the session's, -4 the user's, -5 the user's default session.
/// </remarks>
public readonly struct KeySerial : IEquatable<KeySerial>
{
    /// <summary>The calling thread's keyring.</summary>
    public static readonly KeySerial ThreadKeyring = new(-1);

    /// <summary>The calling process's keyring.</summary>
    public static readonly KeySerial ProcessKeyring = new(-2);

    /// <summary>The caller's session keyring.</summary>
    public static readonly KeySerial SessionKeyring = new(-3);

    /// <summary>The keyring of the caller's user.</summary>
    public static readonly KeySerial UserKeyring = new(-4);

    /// <summary>The default session keyring of the caller's user.</summary>
    public static readonly KeySerial UserSessionKeyring = new(-5);

    /// <summary>Makes a serial from its number.</summary>
    public KeySerial(int value)
    {
        Value = value;
    }

    /// <summary>Gets the number.</summary>
    public int Value { get; }

    /// <summary>Tells whether two serials are equal.</summary>
    public static bool operator ==(KeySerial left, KeySerial right) => left.Value == right.Value;

    /// <summary>Tells whether two serials differ.</summary>
    public static bool operator !=(KeySerial left, KeySerial right) => left.Value != right.Value;

    /// <inheritdoc/>
    public bool Equals(KeySerial other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KeySerial other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
