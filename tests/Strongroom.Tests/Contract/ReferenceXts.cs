using System;
using System.Security.Cryptography;

namespace Strongroom.Tests.Contract;

/// <summary>XTS-AES straight from IEEE Std 1619-2007, 5.2 to 5.4, for whole blocks: slow, and plain to see.</summary>
internal static class ReferenceXts
{
    internal static byte[] Process(bool encrypt, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, UInt128 number)
    {
        using Aes key1 = Aes.Create();
        using Aes key2 = Aes.Create();
        key1.Key = key[..(key.Length / 2)].ToArray();
        key2.Key = key[(key.Length / 2)..].ToArray();
        byte[] tweak = new byte[16];
        BitConverter.TryWriteBytes(tweak, number); // 5.1: the number as a little-endian byte array
        tweak = key2.EncryptEcb(tweak, PaddingMode.None);
        byte[] result = data.ToArray();
        for (int block = 0; block < result.Length; block += 16)
        {
            byte[] b = Xor(result.AsSpan(block, 16), tweak);
            b = encrypt ? key1.EncryptEcb(b, PaddingMode.None) : key1.DecryptEcb(b, PaddingMode.None);
            Xor(b, tweak).CopyTo(result, block);
            int carry = 0;
            for (int i = 0; i < 16; i++) // 5.2: multiplication by alpha
            {
                int shifted = (tweak[i] << 1) | carry;
                carry = shifted >> 8;
                tweak[i] = (byte)(shifted & 0xff);
            }

            tweak[0] ^= (byte)(carry * 0x87);
        }

        return result;
    }

    private static byte[] Xor(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        byte[] result = new byte[16];
        for (int i = 0; i < 16; i++)
        {
            result[i] = (byte)(a[i] ^ b[i]);
        }

        return result;
    }
}
