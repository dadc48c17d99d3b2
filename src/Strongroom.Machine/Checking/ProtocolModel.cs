using System.Globalization;
using System.IO;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>When the explored kernel flushes.</summary>
internal enum ProtocolPolicy
{
    /// <summary>On allocation and on free.</summary>
    AllocateAndFree,

    /// <summary>On allocation, when page_ext's last KeyID differs.</summary>
    LastKeyId,

    /// <summary>Between pools of free pages only.</summary>
    Pools,
}

/// <summary>Which lines caches may fetch on their own, by speculation through the kernel's direct maps.</summary>
internal enum Speculation
{
    /// <summary>None.</summary>
    None,

    /// <summary>Any line under KeyID 0.</summary>
    Platform,

    /// <summary>Any line under any KeyID, as per-KeyID direct maps allow.</summary>
    All,
}

/// <summary>A small machine to explore.</summary>
/// <param name="Lines">Physical lines, each a page of its own: 1 or 2.</param>
/// <param name="KeyIds">KeyIDs, KeyID 0 included: 2 or 3.</param>
/// <param name="Caches">CPUs with a private cache: 1 to 4.</param>
/// <param name="Policy">The flush policy.</param>
/// <param name="Speculation">What caches fetch on their own.</param>
/// <param name="Mutant">The seeded fault.</param>
internal sealed record ProtocolShape(
    int Lines,
    int KeyIds,
    int Caches,
    ProtocolPolicy Policy,
    Speculation Speculation = Speculation.None,
    Mutant Mutant = Mutant.None);

/// <summary>
/// The rules of caches, keys and the page allocator on a few lines, as steps on states that fit in 64 bits.
/// </summary>
/// <remarks>
/// <para>Values are abstracted to one bit: a copy is <i>current</i> (the last write of the present owner) or it is
/// something else. Memory holds, for each line, nothing current or the current value under one KeyID; read under
/// another KeyID it is noise.</para>
/// <code>
/// cache c, line l, KeyID k: 3 bits  0 current, 2:1 MESI state (0 I, 1 S, 2 E, 3 M)
/// line l: 8 bits                    1:0 memory (0 not current, 1+k current under k), 3:2 owner (0 free, 1+k),
///                                   4 written, 6:5 page_ext, 7 pooled
/// KeyID k >= 1: 4 bits              1:0 life (0 free, 1 live, 2 destroyed but in use), 3:2 references counted
/// </code>
/// <para>Steps: load, store, evict, speculative fetch, allocate, zero, free, migrate, shrink a pool, create and destroy
/// a key. Before an owner has written, no copy counts as current, which folds equal states together. Thread safety:
/// none.</para>
/// </remarks>
internal sealed partial class ProtocolModel : ExploredModel
{
    private const int EntryBits = 3;
    private const int LineBits = 8;
    private const int KeyBits = 4;
    private const int Invalid = 0;
    private const int Shared = 2;
    private const int Exclusive = 4;
    private const int Modified = 6;

    private readonly int _lines;
    private readonly int _keyIds;
    private readonly int _caches;
    private readonly int _columnBits;
    private readonly int _lineBase;
    private readonly int _keyBase;
    private readonly ulong _columnMask;
    private readonly ulong[] _currentBits;
    private readonly ulong _firstLineEntries;
    private readonly ulong _firstKeyEntries;
    private readonly ulong _highNameBits;
    private readonly ulong _lowExtBits;
    private readonly Mutant _mutant;
    private readonly ProtocolPolicy _policy;
    private readonly Speculation _speculation;

    /// <summary>Makes the rules for one shape.</summary>
    /// <exception cref="InvalidDataException">The shape is out of range or its states do not fit in 64
    /// bits.</exception>
    internal ProtocolModel(ProtocolShape shape)
    {
        Shape = shape;
        _lines = shape.Lines;
        _keyIds = shape.KeyIds;
        _caches = shape.Caches;
        _mutant = shape.Mutant;
        _policy = shape.Policy;
        _speculation = shape.Speculation;
        _columnBits = _lines * _keyIds * EntryBits;
        _columnMask = (1ul << _columnBits) - 1;
        _lineBase = _caches * _columnBits;
        _keyBase = _lineBase + (_lines * LineBits);
        StateBits = _keyBase + ((_keyIds - 1) * KeyBits);
        if (_lines is < 1 or > 2 || _keyIds is < 2 or > 3 || _caches is < 1 or > 4 || StateBits > 64)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"A machine of {_lines} lines, {_keyIds} KeyIDs and {_caches} caches needs {StateBits} bits a state; " +
                $"the explorer takes 1-2 lines, 2-3 KeyIDs and 1-4 caches in 64 bits."));
        }

        _currentBits = new ulong[_lines];
        for (int l = 0; l < _lines; l++)
        {
            for (int k = 0; k < _keyIds; k++)
            {
                _currentBits[l] |= EntryMask(l, k) & 0x1249_2492_4924_9249;
                _firstLineEntries |= l == 0 ? EntryMask(l, k) : 0;
            }

            _firstKeyEntries |= EntryMask(l, 1);
            _highNameBits |= 0b1010ul << (_lineBase + (l * LineBits));
            _lowExtBits |= 0b10_0000ul << (_lineBase + (l * LineBits));
        }
    }

    /// <summary>Gets the shape.</summary>
    internal ProtocolShape Shape { get; }

    /// <summary>Gets the bits that a state takes.</summary>
    internal int StateBits { get; }

    private int Entry(ulong s, int c, int l, int k) => (int)((s >> ((c * _columnBits) + (((l * _keyIds) + k) * EntryBits))) & 7);

    private ulong WithEntry(ulong s, int c, int l, int k, int entry)
    {
        int at = (c * _columnBits) + (((l * _keyIds) + k) * EntryBits);
        return (s & ~(7ul << at)) | ((ulong)entry << at);
    }

    private int Line(ulong s, int l) => (int)((s >> (_lineBase + (l * LineBits))) & 0xff);

    private ulong WithLine(ulong s, int l, int line)
    {
        int at = _lineBase + (l * LineBits);
        return (s & ~(0xfful << at)) | ((ulong)line << at);
    }

    private static int Memory(int line) => line & 3;

    private static int Owner(int line) => (line >> 2) & 3;

    private static bool IsWritten(int line) => (line & 0x10) != 0;

    private static int Ext(int line) => (line >> 5) & 3;

    private static bool IsPooled(int line) => (line & 0x80) != 0;

    private ulong WithMemory(ulong s, int l, int memory) => WithLine(s, l, (Line(s, l) & ~3) | memory);

    private ulong WithExt(ulong s, int l, int ext) => WithLine(s, l, (Line(s, l) & ~0x60) | (ext << 5));

    private int Key(ulong s, int k) => (int)((s >> (_keyBase + ((k - 1) * KeyBits))) & 15);

    private ulong WithKey(ulong s, int k, int key)
    {
        int at = _keyBase + ((k - 1) * KeyBits);
        return (s & ~(15ul << at)) | ((ulong)key << at);
    }

    private static int Life(int key) => key & 3;

    private static int References(int key) => key >> 2;

    private static bool IsCurrent(int entry) => (entry & 1) != 0;

    private static int Kind(int entry) => entry & 6;
}
