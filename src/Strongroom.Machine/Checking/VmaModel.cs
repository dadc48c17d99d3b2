using System.Globalization;
using System.IO;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>A few pages of address space to explore.</summary>
/// <param name="Pages">Pages that each process may map: 1 to 3.</param>
/// <param name="Processes">1, or 2 of which one may fork the other.</param>
/// <param name="KeyIds">KeyIDs, KeyID 0 included: 2 or 3.</param>
/// <param name="Mutant">The seeded fault.</param>
internal sealed record VmaShape(int Pages = 2, int Processes = 2, int KeyIds = 3, Mutant Mutant = Mutant.None);

/// <summary>
/// The rules of VMAs, page-table entries and shared frames (I6) on a few pages, as steps on states that fit in 64 bits.
/// </summary>
/// <remarks>
/// <code>
/// process p, page i: 10 bits   1:0 VMA (0 unmapped, 1+KeyID), 2 may be written, 3 in one VMA with the page below,
///                              6:4 entry (0 none, 1 zero page, 2+frame), 8:7 the entry's KeyID, 9 entry writable
/// frame: 3 bits                1:0 0 free, 1+page_ext, 2 merged by KSM
/// KeyID k >= 1: 5 bits         1:0 life (0 free, 1 live, 2 destroyed but in use), 4:2 references of VMAs
/// </code>
/// <para>A reference is taken and dropped with each VMA that is made, cut, merged and unmapped, as
/// <c>AddressSpace.Splice</c> does, and not counted anew. Pages that KSM finds equal may be any. Without a free frame a
/// write does not happen.</para>
/// <para>Thread safety: none.</para>
/// </remarks>
internal sealed partial class VmaModel : ExploredModel
{
    private const int PageBits = 10;
    private const int Frames = 3;
    private const int FrameBits = 3;
    private const int Merged = 4;
    private const int SlotBits = 5;
    private const int NoEntry = 0;
    private const int ZeroPage = 1;
    private const int FirstFrame = 2;
    private const int WriteProtection = 4;
    private const int Joined = 8;

    private readonly VmaShape _shape;
    private readonly int _pages;
    private readonly int _processes;
    private readonly int _keyIds;
    private readonly int _frameBase;
    private readonly int _slotBase;
    private readonly Mutant _mutant;

    /// <summary>Makes the rules for one shape.</summary>
    /// <exception cref="InvalidDataException">The shape is out of range or its states do not fit in 64 bits.</exception>
    internal VmaModel(VmaShape shape)
    {
        _shape = shape;
        _pages = shape.Pages;
        _processes = shape.Processes;
        _keyIds = shape.KeyIds;
        _mutant = shape.Mutant;
        _frameBase = _pages * _processes * PageBits;
        _slotBase = _frameBase + (Frames * FrameBits);
        int bits = _slotBase + ((_keyIds - 1) * SlotBits);
        if (_pages is < 1 or > 3 || _processes is < 1 or > 2 || _keyIds is < 2 or > 3 || bits > 64)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{_processes} processes with {_pages} pages and {_keyIds} KeyIDs need {bits} bits a state; " +
                $"the explorer takes 1-2 processes, 1-3 pages and 2-3 KeyIDs in 64 bits."));
        }
    }

    private static int VmaOf(int page) => page & 3;

    private static int KeyIdOf(int page) => (page & 3) - 1;

    private static bool IsMapped(int page) => (page & 3) != 0;

    private static bool MayWrite(int page) => (page & WriteProtection) != 0;

    private static bool IsJoined(int page) => (page & Joined) != 0;

    private static int Entry(int page) => (page >> 4) & 7;

    private static int EntryKeyId(int page) => (page >> 7) & 3;

    private static bool IsWritable(int page) => (page & 0x200) != 0;

    private static int WithEntry(int page, int entry, int keyId, bool writable) =>
        (page & 0xf) | (entry << 4) | (keyId << 7) | (writable ? 0x200 : 0);

    private static int Attributes(int keyId, bool mayWrite) => (1 + keyId) | (mayWrite ? WriteProtection : 0);

    private int Page(ulong s, int p, int i) => (int)((s >> (((p * _pages) + i) * PageBits)) & 0x3ff);

    private ulong WithPage(ulong s, int p, int i, int page)
    {
        int at = ((p * _pages) + i) * PageBits;
        return (s & ~(0x3fful << at)) | ((ulong)page << at);
    }

    private int Frame(ulong s, int f) => (int)((s >> (_frameBase + (f * FrameBits))) & 7);

    private int Ext(ulong s, int f) => (Frame(s, f) & 3) - 1;

    private ulong WithFrame(ulong s, int f, int frame)
    {
        int at = _frameBase + (f * FrameBits);
        return (s & ~(7ul << at)) | ((ulong)frame << at);
    }

    private int Slot(ulong s, int k) => (int)((s >> (_slotBase + ((k - 1) * SlotBits))) & 31);

    private ulong WithSlot(ulong s, int k, int slot)
    {
        int at = _slotBase + ((k - 1) * SlotBits);
        return (s & ~(31ul << at)) | ((ulong)slot << at);
    }

    private static int Life(int slot) => slot & 3;

    private static int References(int slot) => slot >> 2;

    private ulong AddReference(ulong s, int k) => k == 0 ? s : WithSlot(s, k, Slot(s, k) + 4);

    private ulong DropReference(ulong s, int k) =>
        k == 0 || References(Slot(s, k)) == 0 ? s : WithSlot(s, k, Slot(s, k) - 4);

    /// <summary>Tells whether whoever maps a frame may write it: nobody else maps it, and KSM did not merge it.</summary>
    private bool IsOwn(ulong s, int f) => CountUsers(s, f) == 1 && (Frame(s, f) & Merged) == 0;

    private int CountUsers(ulong s, int f)
    {
        int users = 0;
        for (int at = 0; at < _processes * _pages; at++)
        {
            users += Entry((int)((s >> (at * PageBits)) & 0x3ff)) == FirstFrame + f ? 1 : 0;
        }

        return users;
    }
}
