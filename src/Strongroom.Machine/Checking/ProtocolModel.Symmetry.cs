namespace Strongroom.Machine.Checking;

internal sealed partial class ProtocolModel
{
    /// <inheritdoc/>
    /// <remarks>The least of those that differ only in the names of CPUs, KeyIDs above 0 and lines.</remarks>
    internal override ulong Canonical(ulong s)
    {
        ulong least = SortCaches(s);
        if (_keyIds == 3)
        {
            ulong swapped = SwapKeys(s);
            least = ulong.Min(least, SortCaches(swapped));
            if (_lines == 2)
            {
                least = ulong.Min(least, SortCaches(SwapLines(swapped)));
            }
        }

        return _lines == 2 ? ulong.Min(least, SortCaches(SwapLines(s))) : least;
    }

    private ulong Column(ulong s, int c) => (s >> (c * _columnBits)) & _columnMask;

    // A sorting network on the caches' columns: their order is the CPUs' names.
    private ulong SortCaches(ulong s)
    {
        switch (_caches)
        {
            case 1:
                return s;
            case 2:
                return SortPair(s, 0, 1);
            case 3:
                return SortPair(SortPair(SortPair(s, 0, 1), 1, 2), 0, 1);
            default:
                s = SortPair(SortPair(s, 0, 1), 2, 3);
                return SortPair(SortPair(SortPair(s, 0, 2), 1, 3), 1, 2);
        }
    }

    private ulong SortPair(ulong s, int a, int b)
    {
        ulong first = Column(s, a);
        ulong second = Column(s, b);
        ulong difference = first > second ? first ^ second : 0;
        return s ^ (difference << (a * _columnBits)) ^ (difference << (b * _columnBits));
    }

    // Every line-0 entry changes places with its line-1 entry at once, and so do the two lines' own bits.
    private ulong SwapLines(ulong s) =>
        SwapAll(SwapAll(s, _firstLineEntries, _keyIds * EntryBits), 0xfful << _lineBase, LineBits);

    // Only for three KeyIDs: 1 and 2 change places. Memory and owner name KeyIDs as 1+k, so 2 and 3: bit 0 turns where
    // bit 1 is set. page_ext names them as k, so 01 and 10: its bits change places.
    private ulong SwapKeys(ulong s)
    {
        s = SwapAll(s, _firstKeyEntries, EntryBits);
        s ^= (s & _highNameBits) >> 1;
        s = SwapAll(s, _lowExtBits, 1);
        return SwapAll(s, 15ul << _keyBase, KeyBits);
    }

    // Bits under the mask change places with those `distance` above them.
    private static ulong SwapAll(ulong s, ulong mask, int distance)
    {
        ulong difference = ((s >> distance) ^ s) & mask;
        return s ^ difference ^ (difference << distance);
    }

    private ulong EntryMask(int line, int keyId)
    {
        ulong mask = 0;
        for (int c = 0; c < _caches; c++)
        {
            mask |= 7ul << ((c * _columnBits) + (((line * _keyIds) + keyId) * EntryBits));
        }

        return mask;
    }
}
