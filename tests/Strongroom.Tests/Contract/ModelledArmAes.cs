using System;
using System.Linq;
using System.Runtime.Intrinsics;
using Strongroom.Crypto.Backends;

namespace Strongroom.Tests.Contract;

/// <summary>
/// Armv8's four AES instructions in plain C#, from the pseudocode of the Arm Architecture Reference Manual (AESE, AESD,
/// AESMC, AESIMC) and the tables' definitions in FIPS 197, 5.1 and 5.3.
/// </summary>
internal readonly struct ModelledArmAes : IArmAesInstructions
{
    private static readonly byte[] s_substitution = [.. Enumerable.Range(0, 256).Select(i => Substitute((byte)i))];
    private static readonly byte[] s_inverse = [.. Enumerable.Range(0, 256).Select(i => (byte)Array.IndexOf(s_substitution, (byte)i))];

    public static Vector128<byte> Encrypt(Vector128<byte> block, Vector128<byte> key)
    {
        Vector128<byte> sum = block ^ key;
        return Bytes(i => s_substitution[sum[(5 * i) % 16]]); // row r takes its byte r columns on
    }

    public static Vector128<byte> Decrypt(Vector128<byte> block, Vector128<byte> key)
    {
        Vector128<byte> sum = block ^ key;
        return Bytes(i => s_inverse[sum[(13 * i) % 16]]);
    }

    public static Vector128<byte> MixColumns(Vector128<byte> block) => Mix(block, [2, 3, 1, 1]);

    public static Vector128<byte> InverseMixColumns(Vector128<byte> block) => Mix(block, [14, 11, 13, 9]);

    private static Vector128<byte> Mix(Vector128<byte> block, byte[] factors) => Bytes(i =>
    {
        int column = i & ~3;
        return (byte)Enumerable.Range(0, 4).Aggregate(
            0, (sum, j) => sum ^ Multiply(factors[j], block[column + ((i + j) % 4)]));
    });

    private static Vector128<byte> Bytes(Func<int, byte> of) =>
        Vector128.Create([.. Enumerable.Range(0, 16).Select(of)]);

    // FIPS 197, 5.1.1: the inverse, then b[i] ^ b[i + 4] ^ b[i + 5] ^ b[i + 6] ^ b[i + 7] ^ bit i of 0x63.
    private static byte Substitute(byte x)
    {
        byte b = (byte)Enumerable.Range(0, 256).FirstOrDefault(y => Multiply(x, (byte)y) == 1);
        return (byte)(b ^ Rotate(b, 1) ^ Rotate(b, 2) ^ Rotate(b, 3) ^ Rotate(b, 4) ^ 0x63);
    }

    private static int Rotate(byte b, int count) => ((b << count) | (b >> (8 - count))) & 0xff;

    // FIPS 197, 4.2.
    private static byte Multiply(byte a, byte b)
    {
        int product = 0;
        for (int i = 7; i >= 0; i--)
        {
            product = (product << 1) ^ ((product >> 7) * 0x11b) ^ (((b >> i) & 1) * a);
        }

        return (byte)product;
    }
}
