using System;
using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

/// <summary>How the kernel's direct maps are laid out.</summary>
/// <param name="FiveLevelPaging">57-bit addresses: 32 PiB for direct maps instead of 64 TiB.</param>
/// <param name="MinimumBytes">The least size of one map; Linux takes 1 TiB.</param>
/// <param name="LargestPage">The largest page used: 1 GiB, 2 MiB ("nogbpages") or 4 KiB.</param>
internal sealed record DirectMapShape(
    bool FiveLevelPaging = false,
    ulong MinimumBytes = 1ul << 40,
    PageSize LargestPage = PageSize.Large);

/// <summary>
/// The kernel's direct maps of all physical memory: one canonical map under KeyID 0, and a copy of it for every
/// KeyID.
/// </summary>
/// <remarks>
/// <code>
/// PAGE_OFFSET + keyid * size + frame * 4096        size: a power of two, at least 1 TiB
/// __pa(x) = (x - PAGE_OFFSET) &amp; (size - 1)         one AND, because the size is a power of two
/// </code>
/// <para>Every change is made to the canonical map and then copied (<see cref="Sync"/>): KeyID bits are added, tables
/// that went are dropped. Kernel data lives in the map of KeyID 0; a page under KeyID k is read and written through map
/// k only.</para>
/// <para>The maps' tables lie in host memory. Thread safety: none. Source: Linux RFC "x86/mm: Implement
/// sync_direct_mapping()", "x86/mm: Handle encrypted memory in page_to_virt() and __pa()".</para>
/// </remarks>
internal sealed partial class DirectMap
{
    private const ulong Gigabyte = 1ul << 30;
    private const ulong Megabytes2 = 2ul << 20;
    private const ulong KernelFlags =
        Pte.Present | Pte.Writable | Pte.Accessed | Pte.Dirty | Pte.Global | Pte.NoExecute;

    private readonly PhysicalLayout _layout;
    private readonly DirectMapShape _shape;
    private readonly Mutant _mutant;
    private readonly Action _flushTlbs;
    private readonly Map _canonical;
    private readonly Map?[] _copies;
    private readonly ulong _mask;
    private readonly int _sizeShift;

    /// <summary>Makes empty maps.</summary>
    /// <param name="layout">Where the KeyID sits.</param>
    /// <param name="shape">How maps are laid out; must fit (<see cref="Fits"/>).</param>
    /// <param name="physicalEnd">The first physical address that can never be memory.</param>
    /// <param name="flushTlbs">Flushes the TLBs of all CPUs.</param>
    /// <param name="mutant">The seeded fault.</param>
    internal DirectMap(PhysicalLayout layout, DirectMapShape shape, ulong physicalEnd, Action flushTlbs, Mutant mutant)
    {
        _layout = layout;
        _shape = shape;
        _mutant = mutant;
        _flushTlbs = flushTlbs;
        SizeBytes = mutant == Mutant.DirectMapNotPowerOfTwo ? Math.Max(physicalEnd, shape.MinimumBytes) : SizeFor(physicalEnd, shape);
        _mask = SizeBytes - 1;
        _sizeShift = System.Numerics.BitOperations.Log2(SizeBytes);
        PageOffset = shape.FiveLevelPaging ? 0xff11_0000_0000_0000 : 0xffff_8880_0000_0000;
        int gigabytes = (int)((physicalEnd + Gigabyte - 1) / Gigabyte);
        _canonical = new Map(gigabytes, mutant);
        _copies = new Map?[layout.KeyIdCount + 1];
    }

    /// <summary>Gets the size of one map in bytes (direct_mapping_size).</summary>
    internal ulong SizeBytes { get; }

    /// <summary>Gets where the map of KeyID 0 starts.</summary>
    internal ulong PageOffset { get; }

    /// <summary>
    /// Gets the leaves of the canonical map by size: what is left of large pages says how fragmented it is.
    /// </summary>
    internal (int Large, int Medium, int Small) Gauge => _canonical.CountLeaves();

    /// <summary>Gets the splits of a large page so far.</summary>
    internal int Splits { get; private set; }

    /// <summary>Gets the joins into a large page so far.</summary>
    internal int Joins { get; private set; }

    /// <summary>Gets the times that a range was copied to the maps of all KeyIDs.</summary>
    internal int Syncs { get; private set; }

    /// <summary>Gives the size of one map for an amount of memory.</summary>
    internal static ulong SizeFor(ulong physicalEnd, DirectMapShape shape) =>
        System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Max(physicalEnd, shape.MinimumBytes));

    /// <summary>
    /// Tells whether the maps of all KeyIDs fit in the kernel's part of the address space; if not, MKTME is disabled
    /// at boot.
    /// </summary>
    internal static bool Fits(ulong physicalEnd, int keyIdCount, DirectMapShape shape)
    {
        ulong available = shape.FiveLevelPaging ? 32ul << 50 : 64ul << 40;
        return SizeFor(physicalEnd, shape) <= available / ((ulong)keyIdCount + 1);
    }

    /// <summary>page_to_virt: the address at which the kernel reaches a frame under a KeyID.</summary>
    internal ulong ToVirtual(int frame, ushort keyId) => PageOffset + ((ulong)keyId << _sizeShift) + ((ulong)frame << 12);

    /// <summary>__pa: the physical address behind an address of any of the maps.</summary>
    internal ulong ToPhysical(ulong address) =>
        _mutant == Mutant.SkipPhysicalMask ? address - PageOffset : (address - PageOffset) & _mask;

    /// <summary>The KeyID whose map an address lies in.</summary>
    internal ushort KeyIdOf(ulong address) => (ushort)((address - PageOffset) >> _sizeShift);

    /// <summary>Tells whether an address lies in one of the maps.</summary>
    internal bool Contains(ulong address) =>
        address >= PageOffset && (address - PageOffset) >> _sizeShift < (ulong)_copies.Length;

    /// <summary>Walks to the entry of an address in any of the maps.</summary>
    /// <returns>Whether the entry is present.</returns>
    internal bool TryWalk(ulong address, out ulong pte, out PageSize size)
    {
        ushort keyId = KeyIdOf(address);
        return MapOf(keyId).TryWalk((address - PageOffset) & _mask, out pte, out size);
    }

    /// <summary>Maps memory that became present, with pages as large as fit.</summary>
    internal void Add(ulong start, ulong end)
    {
        ulong at = start;
        while (at < end)
        {
            at += AddOne(at, end);
        }

        Sync(start, end);
    }

    /// <summary>Takes memory that goes away out of the maps.</summary>
    internal void Remove(ulong start, ulong end)
    {
        for (ulong at = start; at < end;)
        {
            at += ChangeOne(at, end, set: 0, clear: ulong.MaxValue);
        }

        DropEmptyTables(start, end);

        Sync(start, end);
        _flushTlbs();
    }

    /// <summary>Changes the flags of frames (set_memory_*, pageattr): large pages that cover more are split.</summary>
    /// <param name="frame">The first frame.</param>
    /// <param name="count">How many.</param>
    /// <param name="set">Flags to set.</param>
    /// <param name="clear">Flags to clear.</param>
    /// <param name="flush">Whether the TLBs are flushed; the caller does it later otherwise.</param>
    internal void Change(int frame, int count, ulong set, ulong clear, bool flush = true)
    {
        ulong start = (ulong)frame << 12;
        ulong end = start + ((ulong)count << 12);
        for (ulong at = start; at < end;)
        {
            at += ChangeOne(at, end, set, clear);
        }

        Sync(start, end);
        if (flush)
        {
            _flushTlbs();
        }
    }

    /// <summary>Joins the pages around a range back into large ones where all have equal flags.</summary>
    internal void Join(int frame, int count)
    {
        ulong first = ((ulong)frame << 12) & ~(Megabytes2 - 1);
        ulong end = ((ulong)frame + (ulong)count) << 12;
        for (ulong at = first; at < end; at += Megabytes2)
        {
            JoinMedium(at);
        }

        for (ulong at = first & ~(Gigabyte - 1); at < end; at += Gigabyte)
        {
            JoinLarge((int)(at / Gigabyte));
        }

        Sync(first, end);
        _flushTlbs();
    }

    /// <summary>
    /// Copies a range of the canonical map to the maps of all KeyIDs that are in use (sync_direct_mapping).
    /// </summary>
    internal void Sync(ulong start, ulong end)
    {
        if (_mutant == Mutant.SkipDirectMapSync)
        {
            return;
        }

        Syncs++;
        for (int keyId = 1; keyId < _copies.Length; keyId++)
        {
            if (_copies[keyId] is { } copy)
            {
                copy.CopyFrom(_canonical, start, end, (ulong)keyId << _layout.KeyIdShift);
            }
        }
    }

    // With thousands of KeyIDs most maps are never used: a copy is made when its first address is used and
    // synchronized from then on.
    private Map MapOf(ushort keyId)
    {
        if (keyId == 0)
        {
            return _canonical;
        }

        if (_copies[keyId] is not { } copy)
        {
            copy = new Map(_canonical.Gigabytes, _mutant);
            copy.CopyFrom(_canonical, 0, (ulong)_canonical.Gigabytes * Gigabyte, (ulong)keyId << _layout.KeyIdShift);
            _copies[keyId] = copy;
        }

        return copy;
    }
}
