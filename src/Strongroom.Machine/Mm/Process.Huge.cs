using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <content>Huge pages: khugepaged's collapse, and splitting.</content>
internal sealed partial class Process
{
    /// <summary>Replaces the pages of a 2 MiB range by one huge page, as khugepaged does.</summary>
    /// <param name="cpu">The CPU khugepaged runs on.</param>
    /// <param name="address">Any address in the range.</param>
    /// <returns>
    /// False when the range is not inside one VMA that wants huge pages, is pinned or shared, or no huge page is
    /// free.
    /// </returns>
    /// <remarks>One VMA means one KeyID. Source: Linux RFC "mm/khugepaged: Handle encrypted pages".</remarks>
    internal bool TryCollapse(int cpu, ulong address)
    {
        ulong start = address & ~(HugeBytes - 1);
        if (_space.Find(new VirtualAddress(start)) is not { IsAnonymous: true } vma || start < vma.Start.Value
            || start + HugeBytes > vma.End.Value || (vma.Traits & VmaTraits.HugePage) == 0 || !CanCollapse(start))
        {
            return false;
        }

        ushort keyId = _kernel.Mutant == Mutant.CollapseWithoutKeyId ? (ushort)0 : vma.KeyId.Value;
        int huge = _kernel.Allocator.Allocate(cpu, Gfp.User | Gfp.Zero, keyId, HugeOrder, _kernel.Platform.PackageOfCpu(cpu));
        if (huge < 0)
        {
            return false;
        }

        for (int i = 0; i < 1 << HugeOrder; i++)
        {
            ulong at = start + ((ulong)i * PageBytes);
            ulong pte = Table.Get(at);
            int frame = Pte.Frame(_kernel.Layout, pte);
            if ((pte & Pte.Present) == 0)
            {
                continue;
            }

            // Unmapped before the copy, so that no CPU writes to the page that is about to go.
            Table.Set(at, 0);
            _kernel.ShootDown(Number, at);
            if (frame == _kernel.ZeroFrame)
            {
                continue;
            }

            _kernel.CopyPage(cpu, frame, huge + i);
            _kernel.ReverseMap.Remove(frame, Number, at);
            _ = _kernel.Allocator.Put(cpu, frame); // not shared (checked), so this frees it
        }

        MapHuge(vma, start, huge);
        return true;
    }

    /// <summary>Splits the huge page that maps an address, if one does, into pages that keep their KeyID.</summary>
    internal void SplitHuge(ulong address)
    {
        ulong start = address & ~(HugeBytes - 1);
        if (!Table.TryWalk(start, out ulong pmd, out PageSize size) || size != PageSize.Medium)
        {
            return;
        }

        int head = Pte.Frame(_kernel.Layout, pmd);
        int pins = _kernel.Pages.References[head] - 1;
        _kernel.ReverseMap.Remove(head, Number, start);
        _kernel.Allocator.SplitUsed(head);
        _kernel.Pages.References[head] += pins;
        Table.SetMedium(start, 0);
        _kernel.ShootDown(Number, start);
        for (int i = 0; i < 1 << HugeOrder; i++)
        {
            ulong at = start + ((ulong)i * PageBytes);
            Table.Set(at, (pmd & ~Pte.Large) + ((ulong)i * PageBytes));
            _kernel.ReverseMap.Add(head + i, Number, at);
        }
    }

    private bool CanCollapse(ulong start)
    {
        if (Table.TryWalk(start, out _, out PageSize size) && size == PageSize.Medium)
        {
            return false;
        }

        bool any = false;
        for (ulong at = Table.NextMapped(start, start + HugeBytes); at < start + HugeBytes;
            at = Table.NextMapped(at + PageBytes, start + HugeBytes))
        {
            ulong pte = Table.Get(at);
            int frame = Pte.Frame(_kernel.Layout, pte);
            if ((pte & Pte.Present) == 0)
            {
                return false;
            }

            if (frame != _kernel.ZeroFrame && (IsPinned(frame) || _kernel.ReverseMap.Count(frame) != 1))
            {
                return false;
            }

            any = true;
        }

        return any;
    }

    private void SplitHugeAtEdges(AddressRange range)
    {
        if (range.Start.Value % HugeBytes != 0)
        {
            SplitHuge(range.Start.Value);
        }

        if (range.End.Value % HugeBytes != 0)
        {
            SplitHuge(range.End.Value);
        }
    }

    private void SplitHugeWithin(AddressRange range)
    {
        for (ulong at = Table.NextMapped(range.Start.Value & ~(HugeBytes - 1), range.End.Value); at < range.End.Value;
            at = Table.NextMapped((at & ~(HugeBytes - 1)) + HugeBytes, range.End.Value))
        {
            SplitHuge(at);
        }
    }
}
