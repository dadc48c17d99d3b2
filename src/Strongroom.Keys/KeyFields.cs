using System;

namespace Strongroom.Keys;

/// <summary>The layout of key material while a key is being made: two fields, one for the data key, one for the tweak
/// key.</summary>
/// <remarks>
/// <code>
/// byte  0         16        32                  64        80        96                  128
///      | data key           | zero              | tweak key          | zero              |
///      | XTS-128 |  XTS-256 |                   | XTS-128 |  XTS-256 |                   |
/// </code>
/// The same layout as KEY_FIELD_1 and KEY_FIELD_2 of MKTME_KEY_PROGRAM_STRUCT (offsets 64 and 128 there). The bytes
/// live in secret memory of the caller's; this project never holds them in memory of its own.
/// </remarks>
public static class KeyFields
{
    /// <summary>The length of both fields together.</summary>
    public const int LengthBytes = 2 * FieldBytes;

    /// <summary>The length of one field.</summary>
    public const int FieldBytes = 64;

    /// <summary>Gets the field of the data key, or of its entropy.</summary>
    /// <param name="fields">Both fields, <see cref="LengthBytes"/> long.</param>
    public static Span<byte> Data(Span<byte> fields) => fields[..FieldBytes];

    /// <summary>Gets the field of the tweak key, or of its entropy.</summary>
    /// <param name="fields">Both fields, <see cref="LengthBytes"/> long.</param>
    public static Span<byte> Tweak(Span<byte> fields) => fields.Slice(FieldBytes, FieldBytes);

    /// <summary>Gets the field of the data key, or of its entropy.</summary>
    /// <param name="fields">Both fields, <see cref="LengthBytes"/> long.</param>
    public static ReadOnlySpan<byte> Data(ReadOnlySpan<byte> fields) => fields[..FieldBytes];

    /// <summary>Gets the field of the tweak key, or of its entropy.</summary>
    /// <param name="fields">Both fields, <see cref="LengthBytes"/> long.</param>
    public static ReadOnlySpan<byte> Tweak(ReadOnlySpan<byte> fields) => fields.Slice(FieldBytes, FieldBytes);

    /// <summary>Gets how many bytes of each field an algorithm uses; the rest must be zero.</summary>
    /// <param name="algorithm">One algorithm.</param>
    public static int KeyBytes(AlgorithmSet algorithm) =>
        (algorithm & (AlgorithmSet.AesXts256 | AlgorithmSet.AesXts256WithIntegrity)) != 0 ? 32 : 16;
}
