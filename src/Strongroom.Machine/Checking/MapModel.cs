using System;
using System.Globalization;
using System.IO;
using System.Text;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>What happens to the direct maps in one step.</summary>
internal enum MapStep : byte
{
    /// <summary>A section of memory is plugged in and mapped by one large page.</summary>
    Plug,

    /// <summary>A section is unplugged.</summary>
    Unplug,

    /// <summary>A page leaves the direct map, as secret memory does.</summary>
    Hide,

    /// <summary>A page comes back.</summary>
    Show,

    /// <summary>The pages of a section become one large page again.</summary>
    Join,

    /// <summary>The kernel reaches a page through the map of a KeyID.</summary>
    Touch,
}

/// <summary>
/// The direct maps of a few pages under a few KeyIDs (I7): hotplug, holes, large pages, copies made late, and a TLB.
/// </summary>
/// <remarks>
/// <para>Three sections of two pages; the first is always there. Map k lies at k * size, size the power of two above
/// all memory that can ever be.</para>
/// <code>
/// map k, section n: 4 bits   1:0 kind (0 nothing, 1 large page, 2 table of pages), 3:2 which pages are present
/// KeyID k >= 1: 1 bit        its copy of the map has been made
/// TLB: 5 bits                0 empty, 1 + 6 * k + page: one translation that was used
/// </code>
/// <para>Thread safety: none.</para>
/// </remarks>
internal sealed partial class MapModel : ExploredModel
{
    private const int Sections = 3;
    private const int SectionPages = 2;
    private const int PageCount = Sections * SectionPages;
    private const int SlotBits = 4;
    private const int MapBits = Sections * SlotBits;
    private const int Large = 1;
    private const int Table = 2;
    private const int AllPresent = 12;

    private readonly int _keyIds;
    private readonly Mutant _mutant;
    private readonly int _size;
    private readonly int _copyBase;
    private readonly int _tlbBase;

    /// <summary>Makes the rules.</summary>
    /// <param name="keyIds">KeyIDs, KeyID 0 included: 2 or 3.</param>
    /// <param name="mutant">The seeded fault.</param>
    /// <exception cref="InvalidDataException">The number of KeyIDs is out of range.</exception>
    internal MapModel(int keyIds, Mutant mutant = Mutant.None)
    {
        if (keyIds is < 2 or > 3)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture, $"The maps of {keyIds} KeyIDs are not explored, those of 2-3 KeyIDs are."));
        }

        _keyIds = keyIds;
        _mutant = mutant;
        _size = mutant == Mutant.DirectMapNotPowerOfTwo
            ? PageCount : (int)System.Numerics.BitOperations.RoundUpToPowerOf2(PageCount);
        _copyBase = keyIds * MapBits;
        _tlbBase = _copyBase + keyIds - 1;
    }

    /// <inheritdoc/>
    /// <remarks>The first section is there from boot.</remarks>
    internal override ulong Initial => Large | AllPresent;

    /// <inheritdoc/>
    internal override int Successors(ulong s, Span<ulong> next, Span<Step> steps)
    {
        Broken = null;
        int count = 0;
        for (int n = 0; n < Sections; n++)
        {
            int slot = Slot(s, 0, n);
            if (n > 0 && slot == 0)
            {
                count = Add(s, Changed(s, n, Large | AllPresent, flush: false), Took(MapStep.Plug, n), next, steps, count);
            }
            else if (n > 0 && (slot & AllPresent) == AllPresent)
            {
                count = Add(s, Changed(s, n, 0), Took(MapStep.Unplug, n), next, steps, count);
            }

            if (slot == (Table | AllPresent))
            {
                count = Add(s, Changed(s, n, Large | AllPresent), Took(MapStep.Join, n), next, steps, count);
            }
        }

        for (int page = 0; page < PageCount && Broken is null; page++)
        {
            count = PageSteps(s, page, next, steps, count);
        }

        return count;
    }

    /// <inheritdoc/>
    internal override string? FindBrokenInvariant(ulong s)
    {
        for (int k = 1; k < _keyIds; k++)
        {
            if (HasCopy(s, k) && Map(s, k) != Map(s, 0))
            {
                return "I7: the map of a KeyID is not the canonical one";
            }
        }

        int cached = Tlb(s) - 1;
        if (cached >= 0 && !IsPresent(s, 0, cached % PageCount))
        {
            return "the kernel still reaches a page that left the direct map";
        }

        return FindBrokenArithmetic(s);
    }

    /// <inheritdoc/>
    /// <remarks>KeyIDs 1 and 2 may change names; sections and pages may not, because addresses have an order.</remarks>
    internal override ulong Canonical(ulong s)
    {
        if (_keyIds < 3)
        {
            return s;
        }

        ulong swapped = Map(s, 0) | (Map(s, 2) << MapBits) | (Map(s, 1) << (2 * MapBits));
        swapped |= ((s >> _copyBase) & 1) << (_copyBase + 1) | ((s >> (_copyBase + 1)) & 1) << _copyBase;
        int cached = Tlb(s);
        int k = (cached - 1) / PageCount;
        cached = cached <= PageCount ? cached : cached + ((3 - k - k) * PageCount);
        swapped |= (ulong)cached << _tlbBase;
        return ulong.Min(s, swapped);
    }

    /// <inheritdoc/>
    internal override string Describe(Step step) => (MapStep)step.Kind switch
    {
        MapStep.Touch => $"Touch page {step.B} under KeyID {step.A}",
        MapStep.Hide or MapStep.Show => $"{(MapStep)step.Kind} page {step.A}",
        _ => $"{(MapStep)step.Kind} section {step.A}",
    };

    /// <inheritdoc/>
    internal override string Describe(ulong s)
    {
        StringBuilder text = new();
        for (int k = 0; k < _keyIds; k++)
        {
            if (k > 0 && !HasCopy(s, k))
            {
                continue;
            }

            _ = text.Append($"map {k}:");
            for (int n = 0; n < Sections; n++)
            {
                int slot = Slot(s, k, n);
                char first = (slot & 4) != 0 ? 'p' : '-';
                char second = (slot & 8) != 0 ? 'p' : '-';
                _ = text.Append((slot & 3) switch { 0 => " none", Large => $" large {first}", _ => $" {first}{second}" });
            }

            _ = text.Append("; ");
        }

        int cached = Tlb(s) - 1;
        return cached < 0 ? text.Append("TLB empty").ToString()
            : text.Append($"TLB page {cached % PageCount} under KeyID {cached / PageCount}").ToString();
    }

    private static Step Took(MapStep kind, int a, int b = 0) => new((byte)kind, (byte)a, (byte)b, 0);

    private static ulong Map(ulong s, int k) => (s >> (k * MapBits)) & ((1ul << MapBits) - 1);

    private static int Slot(ulong s, int k, int n) => (int)((s >> ((k * MapBits) + (n * SlotBits))) & 15);

    private static ulong WithSlot(ulong s, int k, int n, int slot)
    {
        int at = (k * MapBits) + (n * SlotBits);
        return (s & ~(15ul << at)) | ((ulong)slot << at);
    }

    private static bool IsPresent(ulong s, int k, int page) => (Slot(s, k, page / SectionPages) & (4 << (page % SectionPages))) != 0;

    private bool HasCopy(ulong s, int k) => (s >> (_copyBase + k - 1) & 1) != 0;

    private int Tlb(ulong s) => (int)((s >> _tlbBase) & 31);

    private ulong WithTlb(ulong s, int cached) => (s & ~(31ul << _tlbBase)) | ((ulong)cached << _tlbBase);

    private int PageSteps(ulong s, int page, Span<ulong> next, Span<Step> steps, int count)
    {
        int n = page / SectionPages;
        int bit = 4 << (page % SectionPages);
        int slot = Slot(s, 0, n);
        if (slot == 0)
        {
            return count;
        }

        // A page that changes alone splits the large page around it.
        ulong turned = Changed(s, n, (slot & AllPresent & ~bit) | Table | (~slot & bit), onlyBit: bit, flush: true);
        count = Add(s, turned, Took((slot & bit) != 0 ? MapStep.Hide : MapStep.Show, page), next, steps, count);
        for (int k = 0; k < _keyIds && (slot & bit) != 0 && Broken is null; k++)
        {
            count = Add(s, Touch(s, k, page), Took(MapStep.Touch, k, page), next, steps, count);
        }

        return count;
    }

    /// <summary>Changes a section of the canonical map, copies it to the maps of all KeyIDs, and flushes the TLB.</summary>
    private ulong Changed(ulong s, int n, int slot, bool flush = true, int onlyBit = AllPresent)
    {
        bool hides = onlyBit != AllPresent && (slot & onlyBit) == 0;
        s = WithSlot(s, 0, n, slot);
        for (int k = 1; k < _keyIds && _mutant != Mutant.SkipDirectMapSync; k++)
        {
            if (HasCopy(s, k))
            {
                bool isNarrow = _mutant == Mutant.DirectMapSyncsRangeOnly && onlyBit != AllPresent && (Slot(s, k, n) & 3) != Table;
                s = WithSlot(s, k, n, isNarrow ? slot & (3 | onlyBit) : slot);
            }
        }

        return flush && !(hides && _mutant == Mutant.SecretSkipsTlbFlush) ? WithTlb(s, 0) : s;
    }

    /// <summary>Walks the map of a KeyID to a page, as an access that misses the TLB does.</summary>
    private ulong Touch(ulong s, int k, int page)
    {
        if (k > 0 && !HasCopy(s, k))
        {
            s = (s & ~(((1ul << MapBits) - 1) << (k * MapBits))) | (Map(s, 0) << (k * MapBits)) | (1ul << (_copyBase + k - 1));
        }

        if (!IsPresent(s, k, page))
        {
            Broken = "I7: the kernel touches memory that the map of its KeyID does not have";
        }

        return WithTlb(s, 1 + (k * PageCount) + page);
    }

    /// <summary>Checks that page_to_virt and __pa are inverse for every KeyID, and that no two pages share an address.</summary>
    private string? FindBrokenArithmetic(ulong s)
    {
        ulong seen = 0;
        for (int k = 0; k < _keyIds; k++)
        {
            for (int page = 0; page < PageCount; page++)
            {
                if (Slot(s, 0, page / SectionPages) == 0)
                {
                    continue;
                }

                int address = (k * _size) + page;
                int physical = _mutant == Mutant.SkipPhysicalMask ? address : address & (_size - 1);
                if (physical != page || (seen & (1ul << address)) != 0)
                {
                    return "I7: __pa gives another page than page_to_virt was given";
                }

                seen |= 1ul << address;
            }
        }

        return null;
    }
}
