using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>
/// Key expansion (FIPS 197, 5.2) with AES instructions, into the layout of <see cref="ScheduleLayout"/>.
/// </summary>
internal static class KeyExpansion
{
    /// <summary>Expands both halves of an XTS key.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="raw">Key1 and Key2.</param>
    /// <param name="schedule">Where the round keys go.</param>
    internal static unsafe void Expand<TEncryption, TDecryption>(MemoryAlgorithm algorithm, byte* raw, byte* schedule)
        where TEncryption : struct, IAesRounds
        where TDecryption : struct, IAesRounds
    {
        unchecked
        {
            ScheduleLayout layout = ScheduleLayout.Of(algorithm);
            ExpandHalf<TEncryption>(raw, schedule, layout.KeyBytes, layout.RoundKeys);
            byte* tweakKeys = schedule + layout.TweakOffset;
            ExpandHalf<TEncryption>(raw + layout.KeyBytes, tweakKeys, layout.KeyBytes, layout.RoundKeys);
            Invert<TEncryption, TDecryption>(schedule, schedule + layout.DecryptionOffset, layout.Rounds);
            VectorRegisters.Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void ExpandHalf<TEncryption>(byte* raw, byte* schedule, int keyBytes, int roundKeys)
        where TEncryption : struct, IAesRounds
    {
        unchecked
        {
            uint* words = (uint*)schedule;
            int keyWords = keyBytes / 4;
            uint roundConstant = 1;
            for (int i = 0; i < keyWords; i++)
            {
                words[i] = ((uint*)raw)[i];
            }

            for (int i = keyWords; i < 4 * roundKeys; i++)
            {
                uint word = words[i - 1];
                if (i % keyWords == 0)
                {
                    word = SubWord<TEncryption>((word >> 8) | (word << 24)) ^ roundConstant; // RotWord, little-endian
                    roundConstant = (roundConstant << 1) ^ ((roundConstant >> 7) * 0x11b);
                }
                else if (keyWords == 8 && i % 8 == 4)
                {
                    word = SubWord<TEncryption>(word);
                }

                words[i] = words[i - keyWords] ^ word;
            }
        }
    }

    // The last round with a zero key is SubBytes and ShiftRows, and on four equal columns ShiftRows changes nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SubWord<TEncryption>(uint word)
        where TEncryption : struct, IAesRounds =>
        TEncryption.LastRound(Vector128.Create(word).AsByte(), Vector128<byte>.Zero).AsUInt32().ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void Invert<TEncryption, TDecryption>(byte* encryption, byte* decryption, int rounds)
        where TEncryption : struct, IAesRounds
        where TDecryption : struct, IAesRounds
    {
        unchecked
        {
            Vector128.Load(encryption + (16 * rounds)).Store(decryption);
            for (int i = 1; i < rounds; i++)
            {
                // An inverse round undoes the substitution and the row shift of the last round; InvMixColumns is left.
                Vector128<byte> key = Vector128.Load(encryption + (16 * (rounds - i)));
                Vector128<byte> shuffled = TEncryption.LastRound(key, Vector128<byte>.Zero);
                TDecryption.Round(shuffled, Vector128<byte>.Zero).Store(decryption + (16 * i));
            }

            Vector128.Load(encryption).Store(decryption + (16 * rounds));
        }
    }
}
