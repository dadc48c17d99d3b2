using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Strongroom.Core;

namespace Strongroom.Crypto.Backends;

/// <summary>
/// AES-XTS for processors without AES instructions: bit-sliced, in constant time, sixteen blocks at once.
/// </summary>
/// <remarks>
/// A schedule is the bit planes of the round keys, eight 64-bit words each: the data key's, then the tweak key's.
/// Unlike the other backends this one has more live values than registers, so the compiler keeps parts of keys and
/// data, bit-sliced, on the stack; that part of the stack is overwritten after every call.
/// </remarks>
internal sealed class PortableBackend : XtsBackend
{
    private const int Lanes = 4;
    private const int BlocksPerLane = 4;
    private const int Width = Lanes * BlocksPerLane;
    private const int PlanesPerKey = 8;
    private const int StackBytesToClear = 8192; // more than the frames below Run take, in optimized and in tier-0 code

    /// <summary>Makes the backend.</summary>
    internal PortableBackend()
        : base(ScheduleBytes(MemoryAlgorithm.AesXts128), ScheduleBytes(MemoryAlgorithm.AesXts256))
    {
    }

    /// <inheritdoc/>
    internal override string Name => "portable";

    /// <inheritdoc/>
    internal override unsafe void Expand(MemoryAlgorithm algorithm, byte* raw, byte* schedule)
    {
        ScheduleLayout layout = ScheduleLayout.Of(algorithm);

        // SAFETY: `raw` holds two keys and the slot two times RoundKeys sets of planes, as ScheduleBytes says.
        ExpandHalf(raw, (ulong*)schedule, layout);
        ExpandHalf(raw + layout.KeyBytes, (ulong*)schedule + (PlanesPerKey * layout.RoundKeys), layout);
        ClearStack();
    }

    /// <inheritdoc/>
    internal override unsafe void Process(MemoryAlgorithm algorithm, XtsDirection direction, XtsCall* call)
    {
        Run(call, ScheduleLayout.Of(algorithm), direction);
        ClearStack();
    }

    private static int ScheduleBytes(MemoryAlgorithm algorithm) =>
        2 * PlanesPerKey * sizeof(ulong) * ScheduleLayout.Of(algorithm).RoundKeys;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void Run(XtsCall* call, ScheduleLayout layout, XtsDirection direction)
    {
        unchecked
        {
            ulong* keys = (ulong*)call->Schedule;
            ulong* tweakKeys = keys + (PlanesPerKey * layout.RoundKeys);
            byte* blocks = stackalloc byte[16 * Width];
            byte* tweaks = stackalloc byte[16 * Width];
            for (long i = 0; i < call->UnitCount; i++)
            {
                XtsUnit* unit = call->Units + i;
                new Span<byte>(blocks, 16 * Width).Clear();
                Vector128.Load((byte*)unit + XtsUnit.NumberOffset).Store(blocks);
                CipherBlocks(blocks, tweakKeys, layout.Rounds, XtsDirection.Encrypt);
                UInt128 tweak = *(UInt128*)blocks;
                byte* source = call->Source + unit->SourceOffset;
                byte* destination = call->Destination + unit->DestinationOffset;
                for (long done = 0; done < call->UnitBytes; done += 16 * Width)
                {
                    int count = (int)Math.Min(Width, (call->UnitBytes - done) / 16);
                    for (int j = 0; j < count; j++)
                    {
                        *(UInt128*)(tweaks + (16 * j)) = tweak;
                        Vector128<byte> block = Vector128.Load(source + done + (16 * j));
                        (block ^ Vector128.Load(tweaks + (16 * j))).Store(blocks + (16 * j));
                        tweak = (tweak << 1) ^ ((tweak >> 127) * 0x87); // by alpha: IEEE 1619-2007, 5.2
                    }

                    CipherBlocks(blocks, keys, layout.Rounds, direction);
                    for (int j = 0; j < count; j++)
                    {
                        Vector128<byte> block = Vector128.Load(blocks + (16 * j));
                        (block ^ Vector128.Load(tweaks + (16 * j))).Store(destination + done + (16 * j));
                    }
                }
            }

            CryptographicOperations.ZeroMemory(new Span<byte>(blocks, 16 * Width));
            CryptographicOperations.ZeroMemory(new Span<byte>(tweaks, 16 * Width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void CipherBlocks(byte* blocks, ulong* keys, int rounds, XtsDirection direction)
    {
        unchecked
        {
            BitslicedState state = Load(blocks);
            state.Transpose();
            if (direction == XtsDirection.Encrypt)
            {
                state.AddRoundKey(keys);
                for (int round = 1; round < rounds; round++)
                {
                    state.SubBytesAndShiftRows();
                    state.MixColumns();
                    state.AddRoundKey(keys + (PlanesPerKey * round));
                }

                state.SubBytesAndShiftRows();
                state.AddRoundKey(keys + (PlanesPerKey * rounds));
            }
            else
            {
                state.AddRoundKey(keys + (PlanesPerKey * rounds));
                for (int round = rounds - 1; round > 0; round--)
                {
                    state.InverseSubBytesAndShiftRows();
                    state.AddRoundKey(keys + (PlanesPerKey * round));
                    state.InverseMixColumns();
                }

                state.InverseSubBytesAndShiftRows();
                state.AddRoundKey(keys);
            }

            state.Transpose();
            Store(in state, blocks);
        }
    }

    // Row i of lane l, before the transposition: blocks 4 l + i % 4, its columns e and e + 2 (e = i / 4) byte by byte
    // in turn, which puts row r and column c of block b at bit 16 r + 4 c + b of a plane.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe BitslicedState Load(byte* blocks)
    {
        unchecked
        {
            BitslicedState state;
            Vector256<ulong>* rows = (Vector256<ulong>*)&state;
            for (int i = 0; i < 8; i++)
            {
                for (int lane = 0; lane < Lanes; lane++)
                {
                    uint* columns = (uint*)(blocks + (16 * ((BlocksPerLane * lane) + (i % 4))));
                    ((ulong*)(rows + i))[lane] = Spread(columns[i / 4]) | (Spread(columns[2 + (i / 4)]) << 8);
                }
            }

            return state;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Store(in BitslicedState state, byte* blocks)
    {
        unchecked
        {
            fixed (BitslicedState* s = &state)
            {
                Vector256<ulong>* rows = (Vector256<ulong>*)s;
                for (int i = 0; i < 8; i++)
                {
                    for (int lane = 0; lane < Lanes; lane++)
                    {
                        uint* columns = (uint*)(blocks + (16 * ((BlocksPerLane * lane) + (i % 4))));
                        ulong row = ((ulong*)(rows + i))[lane];
                        columns[i / 4] = Gather(row);
                        columns[2 + (i / 4)] = Gather(row >> 8);
                    }
                }
            }
        }
    }

    // Moves the four bytes of a word to the even bytes of a double word.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Spread(uint word)
    {
        unchecked
        {
            ulong x = word;
            x = (x | (x << 16)) & 0x0000ffff0000ffff;
            return (x | (x << 8)) & 0x00ff00ff00ff00ff;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Gather(ulong x)
    {
        unchecked
        {
            x &= 0x00ff00ff00ff00ff;
            x = (x | (x >> 8)) & 0x0000ffff0000ffff;
            return (uint)(x | (x >> 16));
        }
    }

    // In the slot itself: a round key lies in the first 16 of its 64 bytes until all are there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void ExpandHalf(byte* raw, ulong* planes, ScheduleLayout layout)
    {
        unchecked
        {
            KeyExpansion.ExpandHalf<BitslicedSubWord>(raw, (byte*)planes, layout, PlanesPerKey * sizeof(ulong));
            for (int round = 0; round < layout.RoundKeys; round++)
            {
                Slice(planes + (PlanesPerKey * round));
            }
        }
    }

    // Replaces a round key in the first 16 bytes by its planes, the same for every block of a lane.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Slice(ulong* planes)
    {
        unchecked
        {
            byte* blocks = stackalloc byte[16 * Width];
            for (int i = 0; i < Width; i++)
            {
                Vector128.Load((byte*)planes).Store(blocks + (16 * i));
            }

            BitslicedState state = Load(blocks);
            state.Transpose();
            for (int i = 0; i < PlanesPerKey; i++)
            {
                planes[i] = ((ulong*)((Vector256<ulong>*)&state + i))[0];
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ClearStack()
    {
        Span<byte> below = stackalloc byte[StackBytesToClear];
        CryptographicOperations.ZeroMemory(below);
        VectorRegisters.Clear();
    }

    private readonly struct BitslicedSubWord : ISubWord
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public static unsafe uint SubWord(uint word)
        {
            unchecked
            {
                byte* blocks = stackalloc byte[16 * Width];
                new Span<byte>(blocks, 16 * Width).Clear();
                for (int i = 0; i < 4; i++)
                {
                    ((uint*)blocks)[i] = word; // four equal columns, which ShiftRows leaves alone
                }

                BitslicedState state = Load(blocks);
                state.Transpose();
                state.SubBytesAndShiftRows();
                state.Transpose();
                Store(in state, blocks);
                return *(uint*)blocks;
            }
        }
    }
}
