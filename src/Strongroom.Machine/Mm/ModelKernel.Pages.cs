using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <content>What happens to pages behind a process's back: migration, compaction, KSM, swap, pins,
/// userfaultfd.</content>
internal sealed partial class ModelKernel
{
    /// <summary>Moves a page to another frame; it keeps its KeyID (migration, NUMA balancing, compaction).</summary>
    /// <param name="cpu">The CPU that migrates.</param>
    /// <param name="frame">A used page.</param>
    /// <param name="node">The node to prefer.</param>
    /// <param name="onlyThere">Whether no other node will do.</param>
    /// <returns>
    /// The new frame, or -1 when the page cannot be moved (pinned, unevictable, huge) or no page is free.
    /// </returns>
    internal int Migrate(int cpu, int frame, int node, bool onlyThere = false)
    {
        if (!CanMove(frame))
        {
            return -1;
        }

        // The old page's KeyID, not the VMA's: nobody has looked a VMA up here. Linux RFC "mm: page_alloc: handle
        // allocation for encrypted memory".
        ushort keyId = _mutant == Mutant.MigrateToPlatformKey ? (ushort)0 : Pages.KeyId[frame];
        int target = Allocator.Allocate(cpu, Gfp.User | (onlyThere ? Gfp.ThisNode : 0), keyId, 0, node);
        if (target < 0)
        {
            return -1;
        }

        List<(ushort Process, ulong Address, ulong Pte)> entries = [];
        while (ReverseMap.TryTake(frame, out ushort process, out ulong address))
        {
            entries.Add((process, address, GetProcess(process).Table.Get(address)));
            GetProcess(process).Table.Set(address, 0);
            ShootDown(process, address);
        }

        CopyPage(cpu, frame, target);
        Pages.Flags[target] = Pages.Flags[frame];
        Pages.References[target] = entries.Count;
        foreach ((ushort process, ulong address, ulong pte) in entries)
        {
            ulong moved = (pte & ~Layout.FrameMask) | ((ulong)target << 12);
            GetProcess(process).Table.Set(address, moved);
            ReverseMap.Add(target, process, address);
        }

        Pages.References[frame] = 0;
        Allocator.Free(cpu, frame);
        return target;
    }

    /// <summary>Moves pages to low frames until a free block of an order exists.</summary>
    /// <returns>Whether it exists now.</returns>
    internal bool Compact(int cpu, int order)
    {
        Allocator.DrainAll();
        int low = 0;
        for (int frame = Pages.Count - 1; frame > low && !HasFreeBlock(order); frame--)
        {
            if (!CanMove(frame))
            {
                continue;
            }

            while (low < frame && Pages.State[low] != FrameState.Buddy)
            {
                low++;
            }

            _ = Migrate(cpu, frame, NodeOf(frame), onlyThere: true); // pages that cannot move stay
            Allocator.DrainAll();
        }

        return HasFreeBlock(order);
    }

    /// <summary>Writes a page to the swap area and frees it.</summary>
    /// <returns>False when it cannot go (pinned, unevictable, huge) or the area is full.</returns>
    internal bool SwapOut(int cpu, int frame)
    {
        if (!CanMove(frame) || (Pages.Flags[frame] & PageFlags.Ksm) != 0)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[PageBytes];
        int references = ReverseMap.Count(frame);
        if (references == 0)
        {
            return false;
        }

        List<(ushort Process, ulong Address)> entries = [];
        while (ReverseMap.TryTake(frame, out ushort process, out ulong address))
        {
            entries.Add((process, address));
            GetProcess(process).Table.Set(address, 0);
            ShootDown(process, address);
        }

        ReadPage(cpu, frame, bytes);
        int slot = Swap.Write(bytes);
        bytes.Clear();
        foreach ((ushort process, ulong address) in entries)
        {
            if (slot < 0)
            {
                // The area is full: the page stays; a read-only entry is enough, since a write fault makes it
                // writable again.
                Vma vma = GetProcess(process).Space.Find(new VirtualAddress(address))!;
                GetProcess(process).Table.Set(
                    address, Pte.Make(Layout, frame, vma.KeyId.Value, Process.FlagsFor(vma.Protection, writable: false)));
                ReverseMap.Add(frame, process, address);
                continue;
            }

            GetProcess(process).Table.Set(address, ((ulong)slot << 12) | Pte.Swap);
        }

        if (slot < 0)
        {
            return false;
        }

        for (int i = 1; i < references; i++)
        {
            Swap.Get(slot);
        }

        Pages.References[frame] = 0;
        Allocator.Free(cpu, frame);
        return true;
    }

    /// <summary>Merges two equal pages of mergeable VMAs, as KSM does.</summary>
    /// <returns>False when they differ, have different KeyIDs, or are not of mergeable VMAs.</returns>
    /// <remarks>
    /// Equal plaintext under different KeyIDs is never merged: one entry cannot name two keys, and equality across
    /// owners would leak. Source: Linux RFC "mm/ksm: Do not merge pages with different KeyIDs".
    /// </remarks>
    internal bool TryMerge(int cpu, int kept, int merged)
    {
        bool sameKey = Pages.KeyId[kept] == Pages.KeyId[merged] || _mutant == Mutant.KsmIgnoresKeyId;
        if (kept == merged || !sameKey || !IsMergeable(kept) || !IsMergeable(merged))
        {
            return false;
        }

        WriteProtect(kept);
        WriteProtect(merged);
        if (!PagesAreEqual(cpu, kept, merged))
        {
            return false;
        }

        Pages.Flags[kept] |= PageFlags.Ksm;
        int moved = 0;
        while (ReverseMap.TryTake(merged, out ushort process, out ulong address))
        {
            PageTable table = GetProcess(process).Table;
            table.Set(address, (table.Get(address) & ~Layout.FrameMask) | ((ulong)kept << 12));
            ShootDown(process, address);
            ReverseMap.Add(kept, process, address);
            moved++;
        }

        Pages.References[kept] += moved;
        Pages.References[merged] -= moved - 1;
        _ = Allocator.Put(cpu, merged); // nobody maps it any more
        return true;
    }

    /// <summary>
    /// Pins the page behind an address (get_user_pages): it stays where it is, and its KeyID's slot stays too.
    /// </summary>
    /// <returns>EFAULT for memory without pages to pin or without access.</returns>
    internal Errno Pin(Process process, int cpu, ulong address, bool forWriting, out int frame)
    {
        frame = -1;
        Vma? vma = process.Space.Find(new VirtualAddress(address));
        if (vma is null || vma.Backing.Kind is VmaBackingKind.Secret or VmaBackingKind.Device)
        {
            return Errno.EFAULT; // secret memory and PFN maps refuse get_user_pages
        }

        ulong needed = forWriting ? Pte.User | Pte.Writable : Pte.User;
        ulong page = address & ~4095ul;
        while (!process.Table.TryWalk(page, out ulong pte, out _) || (pte & needed) != needed)
        {
            if (process.Fault(cpu, page, forWriting) != AccessResult.Done)
            {
                return Errno.EFAULT;
            }
        }

        process.SplitHuge(page);
        frame = Pte.Frame(Layout, process.Table.Get(page));
        Allocator.Get(frame);
        return Errno.None;
    }

    /// <summary>Drops a pin.</summary>
    internal void Unpin(int cpu, int frame) => _ = Allocator.Put(cpu, frame); // others may still hold it

    /// <summary>UFFDIO_COPY: fills a missing page, allocated under the KeyID of its VMA.</summary>
    /// <returns>ENOENT (no VMA registered for missing faults), EEXIST (a page is there), ENOMEM.</returns>
    internal Errno UserfaultCopy(Process process, int cpu, ulong page, ReadOnlySpan<byte> bytes)
    {
        if (process.Space.Find(new VirtualAddress(page)) is not { } vma || (vma.Traits & VmaTraits.FaultsMissing) == 0)
        {
            return Errno.ENOENT;
        }

        if (process.Table.NextMapped(page, page + PageBytes) == page)
        {
            return Errno.EEXIST;
        }

        int frame = process.AllocateFor(cpu, vma, Gfp.User);
        if (frame < 0)
        {
            return Errno.ENOMEM;
        }

        WritePage(cpu, frame, bytes);
        process.MapPage(vma, page, frame, writable: true);
        return Errno.None;
    }

    private bool HasFreeBlock(int order)
    {
        for (int larger = order; larger <= PageAllocator.MaxOrder; larger++)
        {
            if (Allocator.FreeBlocks(larger) > 0)
            {
                return true;
            }
        }

        return false;
    }

    private bool CanMove(int frame)
    {
        const PageFlags Fixed = PageFlags.Unevictable | PageFlags.HugeHead | PageFlags.HugeTail | PageFlags.OffDirectMap;
        return Pages.State[frame] == FrameState.Used && (Pages.Flags[frame] & Fixed) == 0
            && (Pages.Flags[frame] & PageFlags.Anonymous) != 0 && Pages.Order[frame] == 0
            && Pages.References[frame] == ReverseMap.Count(frame);
    }

    private bool IsMergeable(int frame) =>
        CanMove(frame) && ReverseMap.TryPeek(frame, out ushort process, out ulong address)
        && GetProcess(process).Space.Find(new VirtualAddress(address)) is { } vma
        && (vma.Traits & VmaTraits.Mergeable) != 0;

    private void WriteProtect(int frame)
    {
        List<(ushort Process, ulong Address)> entries = [];
        while (ReverseMap.TryTake(frame, out ushort process, out ulong address))
        {
            entries.Add((process, address));
            PageTable table = GetProcess(process).Table;
            table.Set(address, table.Get(address) & ~Pte.Writable);
            ShootDown(process, address);
        }

        foreach ((ushort process, ulong address) in entries)
        {
            ReverseMap.Add(frame, process, address);
        }
    }
}
