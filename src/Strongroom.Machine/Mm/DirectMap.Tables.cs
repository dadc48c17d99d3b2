using System;
using Strongroom.Core;
using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

internal sealed partial class DirectMap
{
    private ulong AddOne(ulong at, ulong end)
    {
        int g = (int)(at / Gigabyte);
        int m = (int)((at / Megabytes2) & 511);
        ulong entry = at | KernelFlags;
        if (_shape.LargestPage == PageSize.Large && at % Gigabyte == 0 && end - at >= Gigabyte && _canonical.Medium[g] is null)
        {
            _canonical.Large[g] = entry | Pte.Large;
            return Gigabyte;
        }

        ulong[] medium = _canonical.Medium[g] ??= new ulong[512];
        if (_shape.LargestPage >= PageSize.Medium && at % Megabytes2 == 0 && end - at >= Megabytes2)
        {
            medium[m] = entry | Pte.Large;
            return Megabytes2;
        }

        ulong[] small = _canonical.Small[(g * 512) + m] ??= new ulong[512];
        small[(int)((at >> 12) & 511)] = entry;
        return 4096;
    }

    private ulong ChangeOne(ulong at, ulong end, ulong set, ulong clear)
    {
        int g = (int)(at / Gigabyte);
        if (_canonical.Large[g] != 0)
        {
            if (at % Gigabyte == 0 && end - at >= Gigabyte)
            {
                _canonical.Large[g] = Changed(_canonical.Large[g], set, clear);
                return Gigabyte;
            }

            SplitLarge(g);
        }

        if (_canonical.Medium[g] is not { } medium)
        {
            return Gigabyte - (at % Gigabyte);
        }

        int m = (int)((at / Megabytes2) & 511);
        if (medium[m] != 0)
        {
            if (at % Megabytes2 == 0 && end - at >= Megabytes2)
            {
                medium[m] = Changed(medium[m], set, clear);
                return Megabytes2;
            }

            SplitMedium(g, m);
        }

        if (_canonical.Small[(g * 512) + m] is not { } small)
        {
            return Megabytes2 - (at % Megabytes2);
        }

        int s = (int)((at >> 12) & 511);
        small[s] = Changed(small[s], set, clear);
        return 4096;
    }

    // Frame bits and PS stay: an entry that is not present still says which frame it would map, and 0 means no entry
    // at all.
    private static ulong Changed(ulong entry, ulong set, ulong clear) =>
        entry == 0 || clear == ulong.MaxValue ? 0 : (entry & ~clear) | set;

    private void SplitLarge(int g)
    {
        ulong[] medium = new ulong[512];
        for (int m = 0; m < 512; m++)
        {
            medium[m] = _canonical.Large[g] + ((ulong)m * Megabytes2);
        }

        _canonical.Large[g] = 0;
        _canonical.Medium[g] = medium;
        Splits++;
    }

    private void SplitMedium(int g, int m)
    {
        ulong[] small = new ulong[512];
        ulong entry = _canonical.Medium[g]![m] & ~Pte.Large;
        for (int s = 0; s < 512; s++)
        {
            small[s] = entry + ((ulong)s << 12);
        }

        _canonical.Medium[g]![m] = 0;
        _canonical.Small[(g * 512) + m] = small;
        Splits++;
    }

    // Of memory that went; the copies drop theirs when they are synchronized.
    private void DropEmptyTables(ulong start, ulong end)
    {
        for (ulong at = start & ~(Megabytes2 - 1); at < end; at += Megabytes2)
        {
            ref ulong[]? small = ref _canonical.Small[(int)(at / Megabytes2)];
            small = small is not null && small.AsSpan().ContainsAnyExcept(0ul) ? small : null;
        }
    }

    private void JoinMedium(ulong at)
    {
        int g = (int)(at / Gigabyte);
        int m = (int)((at / Megabytes2) & 511);
        if (_shape.LargestPage == PageSize.Small || g >= _canonical.Gigabytes || _canonical.Small[(g * 512) + m] is not { } small
            || !IsRun(small, 4096, large: 0))
        {
            return;
        }

        _canonical.Medium[g]![m] = small[0] | Pte.Large;
        _canonical.Small[(g * 512) + m] = null;
        Joins++;
    }

    private void JoinLarge(int g)
    {
        if (_shape.LargestPage != PageSize.Large || g >= _canonical.Gigabytes || _canonical.Medium[g] is not { } medium
            || !IsRun(medium, Megabytes2, Pte.Large))
        {
            return;
        }

        _canonical.Large[g] = medium[0];
        _canonical.Medium[g] = null;
        Joins++;
    }

    private static bool IsRun(ulong[] entries, ulong step, ulong large)
    {
        ulong first = entries[0];
        if ((first & Pte.Present) == 0 || (first & Pte.Large) != large)
        {
            return false;
        }

        for (int i = 1; i < entries.Length; i++)
        {
            if (entries[i] != first + ((ulong)i * step))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One map: leaves and tables, an entry for each GiB, 2 MiB and 4 KiB as far as it is split.</summary>
    private sealed class Map
    {
        private readonly Mutant _mutant;

        internal Map(int gigabytes, Mutant mutant)
        {
            _mutant = mutant;
            Large = new ulong[gigabytes];
            Medium = new ulong[]?[gigabytes];
            Small = new ulong[]?[gigabytes * 512];
        }

        internal int Gigabytes => Large.Length;

        internal ulong[] Large { get; }

        internal ulong[]?[] Medium { get; }

        internal ulong[]?[] Small { get; }

        internal bool TryWalk(ulong offset, out ulong pte, out PageSize size)
        {
            int g = (int)(offset / Gigabyte);
            pte = 0;
            size = PageSize.Large;
            if (g >= Large.Length)
            {
                return false;
            }

            pte = Large[g];
            if (pte == 0 && Medium[g] is { } medium)
            {
                int m = (int)((offset / Megabytes2) & 511);
                pte = medium[m];
                size = PageSize.Medium;
                if (pte == 0 && Small[(g * 512) + m] is { } small)
                {
                    pte = small[(int)((offset >> 12) & 511)];
                    size = PageSize.Small;
                }
            }

            return (pte & Pte.Present) != 0;
        }

        internal void CopyFrom(Map canonical, ulong start, ulong end, ulong keyBits)
        {
            for (int g = (int)(start / Gigabyte); g < Gigabytes && (ulong)g * Gigabyte < end; g++)
            {
                Large[g] = WithKey(canonical.Large[g], keyBits);
                if (canonical.Medium[g] is not { } medium)
                {
                    Medium[g] = null;
                    Array.Clear(Small, g * 512, 512);
                    continue;
                }

                // A split made the table: it has entries for the whole gigabyte, not for the range that changed only.
                bool isNew = Medium[g] is null;
                Medium[g] ??= new ulong[512];
                ulong first = (ulong)g * Gigabyte;
                ulong from = isNew ? first : Math.Max(start, first);
                ulong to = isNew ? first + Gigabyte : end;
                for (int m = (int)((from / Megabytes2) & 511); m < 512 && first + ((ulong)m * Megabytes2) < to; m++)
                {
                    Medium[g]![m] = WithKey(medium[m], keyBits);
                    CopySmall(canonical, (g * 512) + m, keyBits, new(new(start), new(end)));
                }
            }
        }

        internal (int Large, int Medium, int Small) CountLeaves()
        {
            int large = Count(Large);
            int medium = 0;
            int small = 0;
            foreach (ulong[]? table in Medium)
            {
                medium += table is null ? 0 : Count(table);
            }

            foreach (ulong[]? table in Small)
            {
                small += table is null ? 0 : Count(table);
            }

            return (large, medium, small);
        }

        private static ulong WithKey(ulong entry, ulong keyBits) => entry == 0 ? 0 : entry | keyBits;

        private static int Count(ulong[] entries)
        {
            int count = 0;
            foreach (ulong entry in entries)
            {
                count += (entry & Pte.Present) != 0 ? 1 : 0;
            }

            return count;
        }

        private void CopySmall(Map canonical, int index, ulong keyBits, AddressRange changed)
        {
            if (canonical.Small[index] is not { } from)
            {
                Small[index] = null;
                return;
            }

            ulong[] to = Small[index] ??= new ulong[512];
            for (int s = 0; s < 512; s++)
            {
                ulong at = ((ulong)index * Megabytes2) + ((ulong)s << 12);
                if (_mutant != Mutant.DirectMapSyncsRangeOnly || (at >= changed.Start.Value && at < changed.End.Value))
                {
                    to[s] = WithKey(from[s], keyBits);
                }
            }
        }
    }
}
