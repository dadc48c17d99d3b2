using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>AES-XTS with 128-bit AES instructions, through .NET's intrinsics.</summary>
/// <typeparam name="TEncryption">The processor family's encryption rounds.</typeparam>
/// <typeparam name="TDecryption">Its decryption rounds.</typeparam>
/// <remarks>
/// The kernel is optimized from its first call (no tier 0, whose code keeps every temporary on the stack) and never
/// inlined (into code that the runtime compiles again, with spills, at a later tier). It takes round keys straight from
/// the schedule, and holds no more than 16 vectors at a time, so that nothing spills: checked in the generated code,
/// for .NET 10 on x86-64 with and without AVX-512. Vector registers are overwritten before the return. What the
/// platform does not allow: the runtime's suspension signal may arrive in the middle of a call, and its frame then
/// holds registers until other frames overwrite it.
/// </remarks>
internal sealed class AesInstructionsBackend<TEncryption, TDecryption> : XtsBackend
    where TEncryption : struct, IAesRounds
    where TDecryption : struct, IAesRounds
{
    // Six blocks and their six tweaks leave four of sixteen registers for the key and scratch.
    private const int Width = 6;

    /// <summary>Makes the backend; the caller knows that the processor has the instructions.</summary>
    internal AesInstructionsBackend(string name)
    {
        Name = name;
    }

    /// <inheritdoc/>
    internal override string Name { get; }

    /// <inheritdoc/>
    internal override unsafe void Expand(MemoryAlgorithm algorithm, byte* raw, byte* schedule) =>
        KeyExpansion.Expand<TEncryption, TDecryption>(algorithm, raw, schedule);

    /// <inheritdoc/>
    internal override unsafe void Process(MemoryAlgorithm algorithm, XtsDirection direction, XtsCall* call)
    {
        ScheduleLayout layout = ScheduleLayout.Of(algorithm);
        if (direction == XtsDirection.Encrypt)
        {
            Run<TEncryption>(call, layout, call->Schedule);
        }
        else
        {
            Run<TDecryption>(call, layout, call->Schedule + layout.DecryptionOffset);
        }

        VectorRegisters.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void Run<TRounds>(XtsCall* call, ScheduleLayout layout, byte* keys)
        where TRounds : struct, IAesRounds
    {
        unchecked
        {
            byte* lastKey = keys + (16 * layout.Rounds);
            for (long i = 0; i < call->UnitCount; i++)
            {
                XtsUnit* unit = call->Units + i;
                Vector128<byte> tweak = EncryptTweak(unit, call->Schedule + layout.TweakOffset, layout.Rounds);
                byte* source = call->Source + unit->SourceOffset;
                byte* destination = call->Destination + unit->DestinationOffset;
                byte* end = source + call->UnitBytes;
                byte* wideEnd = source + (call->UnitBytes - (call->UnitBytes % (16 * Width)));
                for (; source != wideEnd; source += 16 * Width, destination += 16 * Width)
                {
                    tweak = RunWide<TRounds>(source, destination, keys, lastKey, tweak);
                }

                for (; source != end; source += 16, destination += 16)
                {
                    Vector128<byte> block = Vector128.Load(source) ^ tweak ^ Vector128.Load(keys);
                    for (byte* key = keys + 16; key != lastKey; key += 16)
                    {
                        block = TRounds.Round(block, Vector128.Load(key));
                    }

                    (TRounds.LastRound(block, Vector128.Load(lastKey)) ^ tweak).Store(destination);
                    tweak = Double(tweak);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<byte> RunWide<TRounds>(
        byte* source, byte* destination, byte* keys, byte* lastKey, Vector128<byte> tweak)
        where TRounds : struct, IAesRounds
    {
        unchecked
        {
            Vector128<byte> t0 = tweak;
            Vector128<byte> t1 = Double(t0);
            Vector128<byte> t2 = Double(t1);
            Vector128<byte> t3 = Double(t2);
            Vector128<byte> t4 = Double(t3);
            Vector128<byte> t5 = Double(t4);
            Vector128<byte> first = Vector128.Load(keys);
            Vector128<byte> b0 = Vector128.Load(source) ^ t0 ^ first;
            Vector128<byte> b1 = Vector128.Load(source + 16) ^ t1 ^ first;
            Vector128<byte> b2 = Vector128.Load(source + 32) ^ t2 ^ first;
            Vector128<byte> b3 = Vector128.Load(source + 48) ^ t3 ^ first;
            Vector128<byte> b4 = Vector128.Load(source + 64) ^ t4 ^ first;
            Vector128<byte> b5 = Vector128.Load(source + 80) ^ t5 ^ first;
            RoundAll<TRounds>(keys + 16, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 32, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 48, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 64, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 80, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 96, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 112, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 128, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            RoundAll<TRounds>(keys + 144, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            if (lastKey != keys + (16 * 10))
            {
                RoundAll<TRounds>(keys + 160, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
                RoundAll<TRounds>(keys + 176, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
                RoundAll<TRounds>(keys + 192, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
                RoundAll<TRounds>(keys + 208, ref b0, ref b1, ref b2, ref b3, ref b4, ref b5);
            }

            Vector128<byte> last = Vector128.Load(lastKey);
            (TRounds.LastRound(b0, last) ^ t0).Store(destination);
            (TRounds.LastRound(b1, last) ^ t1).Store(destination + 16);
            (TRounds.LastRound(b2, last) ^ t2).Store(destination + 32);
            (TRounds.LastRound(b3, last) ^ t3).Store(destination + 48);
            (TRounds.LastRound(b4, last) ^ t4).Store(destination + 64);
            (TRounds.LastRound(b5, last) ^ t5).Store(destination + 80);
            return Double(t5);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void RoundAll<TRounds>(
        byte* key,
        ref Vector128<byte> b0,
        ref Vector128<byte> b1,
        ref Vector128<byte> b2,
        ref Vector128<byte> b3,
        ref Vector128<byte> b4,
        ref Vector128<byte> b5)
        where TRounds : struct, IAesRounds
    {
        Vector128<byte> k = Vector128.Load(key);
        b0 = TRounds.Round(b0, k);
        b1 = TRounds.Round(b1, k);
        b2 = TRounds.Round(b2, k);
        b3 = TRounds.Round(b3, k);
        b4 = TRounds.Round(b4, k);
        b5 = TRounds.Round(b5, k);
    }

    // Multiplies by alpha in GF(2^128), low bit first: IEEE 1619-2007, 5.2.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Double(Vector128<byte> tweak)
    {
        Vector128<int> signs = Vector128.Shuffle(tweak.AsInt32(), Vector128.Create(3, 0, 1, 0));
        Vector128<int> reduction = Vector128.ShiftRightArithmetic(signs, 31) & Vector128.Create(0x87, 0, 1, 0);
        return ((tweak.AsInt64() << 1).AsInt32() ^ reduction).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<byte> EncryptTweak(XtsUnit* unit, byte* keys, int rounds)
    {
        unchecked
        {
            Vector128<byte> tweak = Vector128.Load((byte*)unit + XtsUnit.NumberOffset) ^ Vector128.Load(keys);
            byte* lastKey = keys + (16 * rounds);
            for (byte* key = keys + 16; key != lastKey; key += 16)
            {
                tweak = TEncryption.Round(tweak, Vector128.Load(key));
            }

            return TEncryption.LastRound(tweak, Vector128.Load(lastKey));
        }
    }
}
