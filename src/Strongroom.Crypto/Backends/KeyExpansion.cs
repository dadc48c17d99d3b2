using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>SubWord of FIPS 197, 5.2: the substitution of four bytes.</summary>
internal interface ISubWord
{
    /// <summary>Substitutes, in constant time.</summary>
    public static abstract uint SubWord(uint word);
}

/// <summary>Key expansion: FIPS 197, 5.2.</summary>
internal static class KeyExpansion
{
    /// <summary>
    /// Expands both halves of an XTS key with AES instructions, into the layout of <see cref="ScheduleLayout"/>.
    /// </summary>
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
            ExpandHalf<RoundSubWord<TEncryption>>(raw, schedule, layout, strideBytes: 16);
            byte* tweakKeys = schedule + layout.TweakOffset;
            ExpandHalf<RoundSubWord<TEncryption>>(raw + layout.KeyBytes, tweakKeys, layout, strideBytes: 16);
            Invert<TEncryption, TDecryption>(schedule, schedule + layout.DecryptionOffset, layout.Rounds);
            VectorRegisters.Clear();
        }
    }

    /// <summary>Expands one AES key into its encryption round keys: FIPS 197, 5.2.</summary>
    /// <typeparam name="TSubWord">The substitution.</typeparam>
    /// <param name="raw">The key.</param>
    /// <param name="schedule">Where the round keys go, 16 bytes each.</param>
    /// <param name="layout">Gives the lengths of the key and of the schedule.</param>
    /// <param name="strideBytes">From one round key to the next; a multiple of 4, at least 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static unsafe void ExpandHalf<TSubWord>(byte* raw, byte* schedule, ScheduleLayout layout, int strideBytes)
        where TSubWord : struct, ISubWord
    {
        unchecked
        {
            int keyWords = layout.KeyBytes / 4;
            uint roundConstant = 1;
            for (int i = 0; i < 4 * layout.RoundKeys; i++)
            {
                if (i < keyWords)
                {
                    *WordOf(schedule, i, strideBytes) = ((uint*)raw)[i];
                    continue;
                }

                uint word = *WordOf(schedule, i - 1, strideBytes);
                if (i % keyWords == 0)
                {
                    word = TSubWord.SubWord((word >> 8) | (word << 24)) ^ roundConstant; // RotWord, little-endian
                    roundConstant = (roundConstant << 1) ^ ((roundConstant >> 7) * 0x11b);
                }
                else if (keyWords == 8 && i % 8 == 4)
                {
                    word = TSubWord.SubWord(word);
                }

                *WordOf(schedule, i, strideBytes) = *WordOf(schedule, i - keyWords, strideBytes) ^ word;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe uint* WordOf(byte* schedule, int word, int strideBytes)
    {
        unchecked
        {
            return (uint*)(schedule + (strideBytes * (word / 4))) + (word % 4);
        }
    }

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

    // The last round with a zero key is SubBytes and ShiftRows, and on four equal columns ShiftRows changes nothing.
    private readonly struct RoundSubWord<TEncryption> : ISubWord
        where TEncryption : struct, IAesRounds
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static uint SubWord(uint word) =>
            TEncryption.LastRound(Vector128.Create(word).AsByte(), Vector128<byte>.Zero).AsUInt32().ToScalar();
    }
}
