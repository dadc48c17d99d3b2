using System;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>Reads the text that a program gives to add_key for a memory key.</summary>
/// <remarks>
/// <para>Grammar, of all versions but the first:</para>
/// <code>
/// payload   = blanks option { blanks1 option } blanks [ NUL ]         1 to 1024 bytes
/// blanks1   = one or more spaces or tabs;  blanks = none or more
/// option    = "type=" ( "user" | "cpu" | "clear" | "no-encrypt" )
///           | "algorithm=" ( "aes-xts-128" | "aes-xts-256" )
///           | "key=" hex | "tweak=" hex                               32 hex digits; 64 for aes-xts-256
/// </code>
/// <para>
/// In any order, each option at most once, case-sensitive but for hex digits. user: algorithm, key and tweak required.
/// cpu: algorithm required, key and tweak optional entropy. clear and no-encrypt: no other option. The first version:
/// optional
/// <c>algorithm=</c> ("aes-xts-128", or "aes_xts_128" as its code has it), and either <c>userkey=</c> with
/// <c>tweak=</c> or
/// <c>entropy=</c> alone, 16 hex digits each, which fill the low 8 bytes of the key.
/// </para>
/// <para>
/// Stricter than the reference code, which reads a hex string of any length of 32 or more as its first 32 digits, lets
/// clear and no-encrypt carry options that its documentation forbids, stops at an embedded NUL, and checks only the
/// last of two conversions of <c>entropy=</c>. One NUL at the very end is a C string's own and is accepted.
/// </para>
/// </remarks>
public static class KeyPayload
{
    /// <summary>The longest payload in bytes.</summary>
    public const int MaxLengthBytes = 1024;

    /// <summary>Reads a payload.</summary>
    /// <param name="version">Whose rules apply.</param>
    /// <param name="activated">The algorithms that the machine has activated.</param>
    /// <param name="payload">The program's bytes; the caller wipes them.</param>
    /// <param name="fields">
    /// Receives the key material in the layout of <see cref="KeyFields"/>; exactly <see cref="KeyFields.LengthBytes"/>,
    /// in secret memory. All zero after a failure; after a success the caller wipes it.
    /// </param>
    /// <param name="spec">What was asked for.</param>
    /// <returns>Success or EINVAL.</returns>
    /// <remarks>Allocates nothing. Takes time that depends on the text, as reading any text does, not on hex
    /// digits.</remarks>
    public static Errno Parse(
        KeyApiVersion version, AlgorithmSet activated, ReadOnlySpan<byte> payload, Span<byte> fields, out KeySpec spec)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fields.Length, KeyFields.LengthBytes, nameof(fields));
        KeyApiRules rules = new(version);
        fields.Clear();
        spec = default;
        Options options = default;
        if (payload.Length is > 0 and <= MaxLengthBytes
            && TryReadOptions(rules, payload, fields, ref options)
            && TryCombine(rules, activated, options, out spec))
        {
            return Errno.None;
        }

        CryptographicOperations.ZeroMemory(fields);
        spec = default;
        return Errno.EINVAL;
    }

    private static bool TryReadOptions(
        KeyApiRules rules, ReadOnlySpan<byte> text, Span<byte> fields, ref Options options)
    {
        if (text[^1] == 0)
        {
            text = text[..^1];
        }

        bool isAnyRead = false;
        while (TryNextToken(ref text, out ReadOnlySpan<byte> token))
        {
            if (!TryReadOption(rules, token, fields, ref options))
            {
                return false;
            }

            isAnyRead = true;
        }

        return isAnyRead;
    }

    private static bool TryNextToken(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> token)
    {
        text = text.TrimStart(" \t"u8);
        int length = text.IndexOfAny((byte)' ', (byte)'\t');
        token = length < 0 ? text : text[..length];
        text = text[token.Length..];
        return !token.IsEmpty;
    }

    private static bool TryReadOption(
        KeyApiRules rules, ReadOnlySpan<byte> token, Span<byte> fields, ref Options options)
    {
        int nameLength = token.IndexOf((byte)'=');
        if (nameLength < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> name = token[..nameLength];
        ReadOnlySpan<byte> value = token[(nameLength + 1)..];
        if (name.SequenceEqual("algorithm"u8))
        {
            return options.Algorithm == AlgorithmSet.None && TryReadAlgorithm(rules, value, out options.Algorithm);
        }

        if (rules.HasFirstGrammar)
        {
            return TryReadFirstGrammar(name, value, fields, ref options);
        }

        if (name.SequenceEqual("type"u8))
        {
            bool isFirst = !options.HasType;
            options.HasType = true;
            return isFirst && TryReadType(value, out options.Type) && rules.Accepts(options.Type);
        }

        int longest = rules.AcceptsLongKeys ? 32 : 16;
        return rules.AcceptsKeyMaterial
            && (name.SequenceEqual("key"u8)
                ? TryReadHex(value, 16, longest, KeyFields.Data(fields), ref options.KeyBytes)
                : name.SequenceEqual("tweak"u8)
                    && TryReadHex(value, 16, longest, KeyFields.Tweak(fields), ref options.TweakBytes));
    }

    private static bool TryReadFirstGrammar(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, Span<byte> fields, ref Options options)
    {
        const int Bytes = 8;
        if (name.SequenceEqual("userkey"u8))
        {
            return options.EntropyBytes == 0
                && TryReadHex(value, Bytes, Bytes, KeyFields.Data(fields), ref options.KeyBytes);
        }

        if (name.SequenceEqual("tweak"u8))
        {
            return options.EntropyBytes == 0
                && TryReadHex(value, Bytes, Bytes, KeyFields.Tweak(fields), ref options.TweakBytes);
        }

        if (!name.SequenceEqual("entropy"u8) || options.KeyBytes != 0 || options.TweakBytes != 0
            || !TryReadHex(value, Bytes, Bytes, KeyFields.Data(fields), ref options.EntropyBytes))
        {
            return false;
        }

        KeyFields.Data(fields)[..Bytes].CopyTo(KeyFields.Tweak(fields));
        return true;
    }

    private static bool TryReadType(ReadOnlySpan<byte> value, out MemoryKeyType type)
    {
        type = value.SequenceEqual("user"u8) ? MemoryKeyType.User
            : value.SequenceEqual("cpu"u8) ? MemoryKeyType.Cpu
            : value.SequenceEqual("clear"u8) ? MemoryKeyType.Clear
            : MemoryKeyType.NoEncrypt;
        return type != MemoryKeyType.NoEncrypt || value.SequenceEqual("no-encrypt"u8);
    }

    private static bool TryReadAlgorithm(KeyApiRules rules, ReadOnlySpan<byte> value, out AlgorithmSet algorithm)
    {
        algorithm = value.SequenceEqual("aes-xts-128"u8) ? AlgorithmSet.AesXts128
            : rules.HasFirstGrammar && value.SequenceEqual("aes_xts_128"u8) ? AlgorithmSet.AesXts128
            : rules.AcceptsLongKeys && value.SequenceEqual("aes-xts-256"u8) ? AlgorithmSet.AesXts256
            : AlgorithmSet.None;
        return algorithm != AlgorithmSet.None;
    }

    private static bool TryReadHex(ReadOnlySpan<byte> hex, int shortest, int longest, Span<byte> field, ref int bytes)
    {
        if (bytes != 0 || (hex.Length != 2 * shortest && hex.Length != 2 * longest))
        {
            return false;
        }

        // A table of digits would be indexed by key material, and Convert.FromHexString is one; comparisons are not.
        int isBad = 0;
        for (int i = 0; i < hex.Length / 2; i++)
        {
            int high = Digit(hex[2 * i]);
            int low = Digit(hex[(2 * i) + 1]);
            isBad |= high | low;
            field[i] = (byte)(((high & 0xf) << 4) | (low & 0xf));
        }

        bytes = hex.Length / 2;
        return isBad >= 0;
    }

    /// <summary>Gets the value of a hex digit without a branch or a table; negative when it is none.</summary>
    private static int Digit(byte character)
    {
        int decimalDigit = character - '0';
        int letter = (character | 0x20) - 'a';
        int isDecimal = ~(decimalDigit | (9 - decimalDigit)) >> 31;
        int isLetter = ~(letter | (5 - letter)) >> 31;
        return (decimalDigit & isDecimal) | ((letter + 10) & isLetter) | ~(isDecimal | isLetter);
    }

    private static bool TryCombine(KeyApiRules rules, AlgorithmSet activated, Options options, out KeySpec spec)
    {
        spec = default;
        if (rules.HasFirstGrammar)
        {
            options.HasType = true;
            options.Type = options.EntropyBytes != 0 ? MemoryKeyType.Cpu : MemoryKeyType.User;
            if (options.EntropyBytes == 0 && (options.KeyBytes == 0 || options.TweakBytes == 0))
            {
                return false;
            }

            spec = new(options.Type, AlgorithmSet.AesXts128);
            return true;
        }

        if (!options.HasType)
        {
            return false;
        }

        if (options.Type is MemoryKeyType.Clear or MemoryKeyType.NoEncrypt)
        {
            spec = new(options.Type, activated.Lowest());
            return options is { Algorithm: AlgorithmSet.None, KeyBytes: 0, TweakBytes: 0 };
        }

        if (options.Algorithm == AlgorithmSet.None
            || (rules.ChecksActivation && !activated.Includes(options.Algorithm)))
        {
            return false;
        }

        spec = new(options.Type, options.Algorithm);
        int needed = KeyFields.KeyBytes(options.Algorithm);
        bool isEntropy = options.Type == MemoryKeyType.Cpu;
        return HasLength(options.KeyBytes, needed, isEntropy) && HasLength(options.TweakBytes, needed, isEntropy);
    }

    private static bool HasLength(int bytes, int needed, bool isOptional) =>
        bytes == needed || (isOptional && bytes == 0);

    /// <summary>The options read so far; a length of 0 means that the option was not given.</summary>
    private struct Options
    {
        public bool HasType;
        public MemoryKeyType Type;
        public AlgorithmSet Algorithm;
        public int KeyBytes;
        public int TweakBytes;
        public int EntropyBytes;
    }
}
