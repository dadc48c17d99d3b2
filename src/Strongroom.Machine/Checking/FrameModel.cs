using System.Globalization;
using System.IO;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>
/// The lists of the page allocator (I8) with four frames, two CPUs and a flush policy, as steps on states that fit in 64
/// bits.
/// </summary>
/// <remarks>
/// <para>Frames 2 and 3 are a section of memory that can be unplugged. A frame's state and the lists that it is in are kept
/// apart, as in the allocator: the rule is that they agree. Lists have no order here, so every order is explored.</para>
/// <code>
/// frame: 12 bits    2:0 state (0 absent, 1 buddy, 2 CPU list, 3 pooled, 4 used, 5 isolated), 4:3 page_ext,
///                   5 in the list of single frames, 6 in that of blocks of two, 8:7 in the lists of CPUs,
///                   10:9 in the pools of KeyIDs 1 and 2, 11 first of a used block of two
/// 3 bits            free frames, counted
/// 3 bits            pooled frames, counted
/// KeyID k >= 1: 3   references counted
/// </code>
/// <para>Thread safety: none.</para>
/// </remarks>
internal sealed partial class FrameModel : ExploredModel
{
    private const int Frames = 4;
    private const int Cpus = 2;
    private const int FirstPluggable = 2;
    private const int ListCapacity = 2;
    private const int PoolCapacity = 2;
    private const int FrameBits = 12;
    private const int FreeBase = Frames * FrameBits;
    private const int PooledBase = FreeBase + 3;
    private const int ReferenceBase = PooledBase + 3;

    private const int Absent = 0;
    private const int Buddy = 1;
    private const int PerCpu = 2;
    private const int Pooled = 3;
    private const int Used = 4;
    private const int Isolated = 5;

    private const int StateMask = 7;
    private const int ExtMask = 0x18;
    private const int Single = 0x20;
    private const int Pair = 0x40;
    private const int Head = 0x800;
    private const int AnyCpuList = 0x180;
    private const int AnyPool = 0x600;

    private readonly int _keyIds;
    private readonly ProtocolPolicy _policy;
    private readonly Mutant _mutant;

    /// <summary>Makes the rules.</summary>
    /// <param name="keyIds">KeyIDs, KeyID 0 included: 2 or 3.</param>
    /// <param name="policy">When caches are flushed, and whether free pages keep their KeyID.</param>
    /// <param name="mutant">The seeded fault.</param>
    /// <exception cref="InvalidDataException">The number of KeyIDs is out of range.</exception>
    internal FrameModel(int keyIds, ProtocolPolicy policy, Mutant mutant = Mutant.None)
    {
        if (keyIds is < 2 or > 3)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"Frames under {keyIds} KeyIDs are not explored, those under 2-3 KeyIDs are."));
        }

        _keyIds = keyIds;
        _policy = policy;
        _mutant = mutant;
    }

    /// <inheritdoc/>
    /// <remarks>All memory is there and in blocks of two.</remarks>
    internal override ulong Initial
    {
        get
        {
            ulong s = 0;
            for (int f = 0; f < Frames; f++)
            {
                s = WithFrame(s, f, f % 2 == 0 ? Buddy | Pair : Buddy);
            }

            return s | ((ulong)Frames << FreeBase);
        }
    }

    /// <inheritdoc/>
    /// <remarks>The least of those that differ only in the names of CPUs and of KeyIDs above 0.</remarks>
    internal override ulong Canonical(ulong s)
    {
        ulong swapped = SwapCpus(s);
        ulong least = ulong.Min(s, swapped);
        return _keyIds < 3 ? least : ulong.Min(least, ulong.Min(SwapKeys(s), SwapKeys(swapped)));
    }

    private static int Frame(ulong s, int f) => (int)((s >> (f * FrameBits)) & 0xfff);

    private static ulong WithFrame(ulong s, int f, int frame) =>
        (s & ~(0xffful << (f * FrameBits))) | ((ulong)frame << (f * FrameBits));

    private static int State(int frame) => frame & StateMask;

    private static int Ext(int frame) => (frame & ExtMask) >> 3;

    private static int CpuList(int c) => 0x80 << c;

    private static int PoolOf(int k) => 0x100 << k;

    private static int Count(ulong s, int at) => (int)((s >> at) & 7);

    private static ulong Counted(ulong s, int at, int change) =>
        (s & ~(7ul << at)) | ((ulong)((Count(s, at) + change) & 7) << at);

    private static int ReferencesOf(int k) => ReferenceBase + ((k - 1) * 3);

    private static int CountIn(ulong s, int list)
    {
        int count = 0;
        for (int f = 0; f < Frames; f++)
        {
            count += (Frame(s, f) & list) != 0 ? 1 : 0;
        }

        return count;
    }

    private static ulong SwapCpus(ulong s) => SwapAll(s, 0x080_080_080_080ul, 1);

    // page_ext names KeyIDs 1 and 2 as 01 and 10: its bits change places, as do the pools and the counts.
    private static ulong SwapKeys(ulong s) =>
        SwapAll(SwapAll(SwapAll(s, 0x008_008_008_008ul, 1), 0x200_200_200_200ul, 1), 7ul << ReferenceBase, 3);

    // Bits under the mask change places with those `distance` above them.
    private static ulong SwapAll(ulong s, ulong mask, int distance)
    {
        ulong difference = ((s >> distance) ^ s) & mask;
        return s ^ difference ^ (difference << distance);
    }
}
