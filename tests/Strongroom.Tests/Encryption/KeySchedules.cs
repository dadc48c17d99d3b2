using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Strongroom.Tests.Encryption;

/// <summary>
/// Finds expanded AES keys in memory, as programs that attack memory images do: at every offset it tests whether the
/// bytes obey the key expansion of FIPS 197, section 5.2, over the whole schedule. Round keys may lie 16, 32 or 64 bytes
/// apart, as ciphers with wide registers store them.
/// </summary>
internal static class KeySchedules
{
    private const int LongestBytes = 14 * 64 + 16;
    private static readonly byte[] s_box = MakeBox();
    private static readonly int[] s_strides = [16, 32, 64];

    /// <summary>Offsets at which a whole schedule of AES-128 or AES-256 begins.</summary>
    public static List<int> Find(ReadOnlySpan<byte> memory)
    {
        List<int> found = [];
        byte[] padded = new byte[memory.Length + LongestBytes];
        memory.CopyTo(padded);
        for (int at = 0; at + 16 < memory.Length; at++)
        {
            ReadOnlySpan<byte> here = padded.AsSpan(at, LongestBytes);
            foreach (int stride in FirstStepHolds(here) ? s_strides : [])
            {
                if (IsSchedule(here, stride, keyWords: 4) || IsSchedule(here, stride, keyWords: 8))
                {
                    found.Add(at);
                    break;
                }
            }
        }

        return found;
    }

    /// <summary>The expansion of a key, its round keys <paramref name="stride"/> bytes apart.</summary>
    public static byte[] Expand(ReadOnlySpan<byte> key, int stride)
    {
        int keyWords = key.Length / 4;
        int rounds = keyWords + 6;
        byte[] schedule = new byte[(rounds * stride) + 16];
        for (int i = 0; i < 4 * (rounds + 1); i++)
        {
            uint word = i < keyWords
                ? BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..])
                : Word(schedule, stride, i - keyWords) ^ Transform(Word(schedule, stride, i - 1), i, keyWords);
            BinaryPrimitives.WriteUInt32LittleEndian(schedule.AsSpan((i / 4 * stride) + (i % 4 * 4)), word);
        }

        return schedule;
    }

    // The first word that the expansion makes, for either key length and any stride: refuses almost everything, so it
    // must be quick; there are hundreds of millions of offsets.
    private static bool FirstStepHolds(ReadOnlySpan<byte> memory)
    {
        uint first = Word(memory, 0);
        uint fourth = first ^ Substitute(RotateRight(Word(memory, 12))) ^ 1;
        if (fourth == Word(memory, 16) || fourth == Word(memory, 32) || fourth == Word(memory, 64))
        {
            return true;
        }

        return (first ^ Substitute(RotateRight(Word(memory, 28))) ^ 1) == Word(memory, 32)
            || (first ^ Substitute(RotateRight(Word(memory, 44))) ^ 1) == Word(memory, 64)
            || (first ^ Substitute(RotateRight(Word(memory, 76))) ^ 1) == Word(memory, 128);
    }

    private static uint Word(ReadOnlySpan<byte> memory, int offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(memory[offset..]);

    private static uint RotateRight(uint word) => (word >> 8) | (word << 24);

    private static bool IsSchedule(ReadOnlySpan<byte> memory, int stride, int keyWords)
    {
        int words = 4 * (keyWords + 7);
        for (int i = keyWords; i < words; i++)
        {
            uint wanted = Word(memory, stride, i - keyWords) ^ Transform(Word(memory, stride, i - 1), i, keyWords);
            if (Word(memory, stride, i) != wanted)
            {
                return false;
            }
        }

        return true;
    }

    private static uint Word(ReadOnlySpan<byte> memory, int stride, int index) =>
        BinaryPrimitives.ReadUInt32LittleEndian(memory[((index / 4 * stride) + (index % 4 * 4))..]);

    // Words are little-endian, so RotWord turns right by one byte, and the round constant sits in the low byte.
    private static uint Transform(uint word, int index, int keyWords)
    {
        if (index % keyWords == 0)
        {
            return Substitute(RotateRight(word)) ^ RoundConstant(index / keyWords);
        }

        return keyWords > 6 && index % keyWords == 4 ? Substitute(word) : word;
    }

    private static uint Substitute(uint word) =>
        s_box[word & 0xff]
        | ((uint)s_box[(word >> 8) & 0xff] << 8)
        | ((uint)s_box[(word >> 16) & 0xff] << 16)
        | ((uint)s_box[word >> 24] << 24);

    private static uint RoundConstant(int round)
    {
        uint constant = 1;
        for (int i = 1; i < round; i++)
        {
            constant = Double(constant);
        }

        return constant;
    }

    private static uint Double(uint x) => ((x << 1) ^ ((x >> 7) * 0x1b)) & 0xff;

    private static byte[] MakeBox()
    {
        byte[] box = new byte[256];
        uint p = 1;
        uint q = 1;
        do
        {
            // p runs through the field by times 3, q by division by 3 (FIPS 197, section 5.1.1).
            p ^= Double(p);
            q ^= q << 1;
            q ^= q << 2;
            q = (q ^ (q << 4)) & 0xff;
            q ^= (q & 0x80) != 0 ? 0x09u : 0;
            uint wide = q | (q << 8);
            box[p] = (byte)((q ^ (wide >> 7) ^ (wide >> 6) ^ (wide >> 5) ^ (wide >> 4) ^ 0x63) & 0xff);
        }
        while (p != 1);
        box[0] = 0x63;
        return box;
    }
}
