using System;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>The known-answer test that a backend must pass before its first use.</summary>
/// <remarks>
/// Two units of 103 blocks, so that every path runs: whole wide groups, the single blocks after them, and the step from
/// unit to unit. The answers are 64-bit FNV-1a hashes of what OpenSSL 3.0 makes of the same input; then the ciphertext
/// is decrypted in place.
/// </remarks>
internal static class XtsSelfTest
{
    private const int UnitBytes = 103 * 16;

    /// <summary>Tests a backend with both key sizes in both directions.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="reason">What failed, as a clause; empty on success.</param>
    internal static bool Passes(XtsBackend backend, out string reason)
    {
        if (!Passes(backend, MemoryAlgorithm.AesXts128, 0x69a9922dd82fda3e, out reason))
        {
            return false;
        }

        return Passes(backend, MemoryAlgorithm.AesXts256, 0x880968818a34baf4, out reason);
    }

    private static bool Passes(XtsBackend backend, MemoryAlgorithm algorithm, ulong answer, out string reason)
    {
        byte[] material = new byte[XtsKey.MaterialBytes(algorithm)];
        byte[] plain = new byte[2 * UnitBytes];
        unchecked
        {
            for (int i = 0; i < material.Length; i++)
            {
                material[i] = (byte)((i * 7) + 1);
            }

            for (int i = 0; i < plain.Length; i++)
            {
                plain[i] = (byte)((i * 31) + (i >> 8));
            }
        }

        using XtsKey key = XtsKey.Import(algorithm, material, backend);
        UInt128 number = new(0x0123456789abcdef, 0xfedcba9876543210);
        byte[] cipher = new byte[plain.Length];
        key.EncryptRun(plain, cipher, UnitBytes, number);
        if (Hash(cipher) != answer)
        {
            reason = $"its self-test of {algorithm} encryption failed";
            return false;
        }

        key.DecryptRun(cipher, cipher, UnitBytes, number);
        bool isPlain = plain.AsSpan().SequenceEqual(cipher);
        reason = isPlain ? string.Empty : $"its self-test of {algorithm} decryption failed";
        return isPlain;
    }

    // FNV-1a. A cryptographic hash would load a native library at start, for no gain against a faulty backend.
    private static ulong Hash(ReadOnlySpan<byte> data)
    {
        unchecked
        {
            ulong hash = 0xcbf29ce484222325;
            foreach (byte b in data)
            {
                hash = (hash ^ b) * 0x100000001b3;
            }

            return hash;
        }
    }
}
