using System;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

internal sealed partial class Process
{
    /// <summary>Reads eight bytes as the program does.</summary>
    /// <param name="cpu">The CPU it runs on.</param>
    /// <param name="address">A multiple of 8.</param>
    /// <param name="value">The bytes, little-endian.</param>
    internal AccessResult Read(int cpu, ulong address, out ulong value)
    {
        value = 0;
        AccessResult result = Translate(cpu, address, isWrite: false, out ulong bus, out bool uncached);
        if (result != AccessResult.Done)
        {
            return result;
        }

        if (uncached)
        {
            Span<byte> bytes = stackalloc byte[8];
            _kernel.Platform.LoadUncached(bus, bytes);
            value = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            return AccessResult.Done;
        }

        value = _kernel.Platform.Load(cpu, bus);
        return AccessResult.Done;
    }

    /// <summary>Writes eight bytes as the program does.</summary>
    /// <param name="cpu">The CPU it runs on.</param>
    /// <param name="address">A multiple of 8.</param>
    /// <param name="value">The bytes, little-endian.</param>
    internal AccessResult Write(int cpu, ulong address, ulong value)
    {
        AccessResult result = Translate(cpu, address, isWrite: true, out ulong bus, out bool uncached);
        if (result != AccessResult.Done)
        {
            return result;
        }

        if (uncached)
        {
            Span<byte> bytes = stackalloc byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            _kernel.Platform.StoreUncached(bus, bytes);
            return AccessResult.Done;
        }

        _kernel.Platform.Store(cpu, bus, value);
        return AccessResult.Done;
    }

    /// <summary>Handles a page fault.</summary>
    /// <param name="cpu">The CPU it came on.</param>
    /// <param name="address">The address.</param>
    /// <param name="isWrite">Whether the program wanted to write.</param>
    internal AccessResult Fault(int cpu, ulong address, bool isWrite)
    {
        Faults++;
        ulong page = address & ~(PageBytes - 1);
        VirtualAddress at = new(address);
        Vma? vma = _space.Find(at) ?? (_space.TryGrowDown(at) ? _space.Find(at) : null); // a stack grows by faults below it
        if (vma is null)
        {
            return AccessResult.SegmentationFault;
        }

        if ((vma.Protection & (isWrite ? Protection.Write : Protection.Read | Protection.Write | Protection.Execute)) == 0)
        {
            return AccessResult.SegmentationFault;
        }

        if (vma.Backing.Kind is VmaBackingKind.Secret or VmaBackingKind.Device)
        {
            return _kernel.Secrets.Fault(this, cpu, vma, page);
        }

        if (!vma.IsAnonymous)
        {
            return _kernel.Dax.Fault(this, cpu, vma, page, isWrite);
        }

        if (Table.TryWalk(page, out ulong pte, out PageSize size))
        {
            return isWrite && (pte & Pte.Writable) == 0 && size == PageSize.Small
                ? WriteProtectFault(cpu, vma, page, pte)
                : AccessResult.Done;
        }

        return (pte & Pte.Swap) != 0 ? SwapIn(cpu, vma, page, pte)
            : isWrite && TryMapHuge(cpu, vma, page) ? AccessResult.Done
            : MapFresh(cpu, vma, page, isWrite);
    }

    /// <summary>The flags of an entry for a page of a VMA.</summary>
    internal static ulong FlagsFor(Protection protection, bool writable)
    {
        ulong flags = Pte.Present | Pte.Accessed | Pte.Dirty;
        flags |= protection != Protection.None ? Pte.User : 0;
        flags |= writable && (protection & Protection.Write) != 0 ? Pte.Writable : 0;
        return (protection & Protection.Execute) == 0 ? flags | Pte.NoExecute : flags;
    }

    /// <summary>Puts a page into the table and the reverse map; the page's reference becomes the mapping's.</summary>
    internal void MapPage(Vma vma, ulong page, int frame, bool writable)
    {
        _kernel.Pages.Flags[frame] |= PageFlags.Anonymous;
        Table.Set(page, Pte.Make(_kernel.Layout, frame, vma.KeyId.Value, FlagsFor(vma.Protection, writable)));
        _kernel.ReverseMap.Add(frame, Number, page);
    }

    /// <summary>Puts the shared zero page into the table, with the VMA's KeyID stripped: it is stored under KeyID 0.</summary>
    internal void MapZeroPage(Vma vma, ulong page)
    {
        ushort keyId = _kernel.Mutant == Mutant.ZeroPageWithKeyId ? vma.KeyId.Value : (ushort)0;
        ulong entry = Pte.Make(_kernel.Layout, _kernel.ZeroFrame, vma.KeyId.Value, FlagsFor(vma.Protection, writable: false));
        Table.Set(page, Pte.StripKeyId(_kernel.Layout, entry) | Pte.Make(_kernel.Layout, 0, keyId, Pte.Special));
    }

    /// <summary>Allocates a page under the KeyID of a VMA (alloc_page_vma).</summary>
    internal int AllocateFor(int cpu, Vma vma, Gfp gfp, int order = 0) =>
        _kernel.Allocator.Allocate(cpu, gfp, vma.KeyId.Value, order, _kernel.Platform.PackageOfCpu(cpu));

    private AccessResult Translate(int cpu, ulong address, bool isWrite, out ulong bus, out bool uncached)
    {
        Tlb tlb = _kernel.TlbOf(cpu);
        ulong needed = isWrite ? Pte.User | Pte.Writable : Pte.User;
        while (true)
        {
            bool known = tlb.TryFind(Number, address, out ulong pte, out PageSize size);
            if (!known && Table.TryWalk(address, out pte, out size))
            {
                tlb.Insert(Number, address, size, pte);
                known = true;
            }

            if (known && (pte & needed) == needed)
            {
                bus = _kernel.BusAddress(pte, size, address);
                uncached = (pte & Pte.Uncached) != 0;
                return AccessResult.Done;
            }

            AccessResult result = Fault(cpu, address, isWrite);
            if (result != AccessResult.Done)
            {
                bus = 0;
                uncached = false;
                return result;
            }

            // A CPU drops the entry that made it fault; others may keep theirs.
            tlb.FlushPage(Number, address);
        }
    }

    private AccessResult MapFresh(int cpu, Vma vma, ulong page, bool isWrite)
    {
        bool encrypted = !vma.KeyId.IsPlatform;
        if (!isWrite && (!encrypted || _kernel.Options.ZeroPage == ZeroPageRule.StripKeyId))
        {
            MapZeroPage(vma, page);
            return AccessResult.Done;
        }

        int frame = AllocateFor(cpu, vma, Gfp.User | Gfp.Zero);
        if (frame < 0)
        {
            return AccessResult.OutOfMemory;
        }

        MapPage(vma, page, frame, writable: true);
        return AccessResult.Done;
    }

    private AccessResult WriteProtectFault(int cpu, Vma vma, ulong page, ulong pte)
    {
        int old = Pte.Frame(_kernel.Layout, pte);
        if (old != _kernel.ZeroFrame && _kernel.ReverseMap.Count(old) == 1 && (_kernel.Pages.Flags[old] & PageFlags.Ksm) == 0)
        {
            // Nobody else maps it any more: the last sharer writes in place.
            Table.Set(page, pte | Pte.Writable);
            return AccessResult.Done;
        }

        bool isZero = old == _kernel.ZeroFrame;
        ushort keyId = _kernel.Mutant == Mutant.CopyOnWriteToPlatformKey ? (ushort)0 : vma.KeyId.Value;
        int frame = _kernel.Allocator.Allocate(
            cpu, isZero ? Gfp.User | Gfp.Zero : Gfp.User, keyId, 0, _kernel.Platform.PackageOfCpu(cpu));
        if (frame < 0)
        {
            return AccessResult.OutOfMemory;
        }

        if (!isZero)
        {
            _kernel.CopyPage(cpu, old, frame);
            _kernel.ReverseMap.Remove(old, Number, page);
        }

        MapPage(vma, page, frame, writable: true);
        _kernel.ShootDown(Number, page);
        if (!isZero)
        {
            _ = _kernel.Allocator.Put(cpu, old); // others may still map it
        }

        return AccessResult.Done;
    }

    private bool TryMapHuge(int cpu, Vma vma, ulong page)
    {
        ulong start = page & ~(HugeBytes - 1);
        bool wanted = (vma.Traits & VmaTraits.HugePage) != 0 && _kernel.Options.TransparentHugePages;
        if (!wanted || start < vma.Start.Value || start + HugeBytes > vma.End.Value
            || Table.NextMapped(start, start + HugeBytes) != start + HugeBytes)
        {
            return false;
        }

        int frame = AllocateFor(cpu, vma, Gfp.User | Gfp.Zero | Gfp.NoRetry, HugeOrder);
        if (frame < 0)
        {
            return false;
        }

        MapHuge(vma, start, frame);
        return true;
    }

    private void MapHuge(Vma vma, ulong start, int frame)
    {
        _kernel.Pages.Flags[frame] |= PageFlags.Anonymous | PageFlags.HugeHead;
        Table.SetMedium(start, Pte.Make(_kernel.Layout, frame, vma.KeyId.Value, FlagsFor(vma.Protection, true) | Pte.Large));
        _kernel.ReverseMap.Add(frame, Number, start);
    }

    private AccessResult SwapIn(int cpu, Vma vma, ulong page, ulong pte)
    {
        int slot = Pte.Frame(_kernel.Layout, pte);
        ushort keyId = _kernel.Mutant == Mutant.SwapInToPlatformKey ? (ushort)0 : vma.KeyId.Value;
        int frame = _kernel.Allocator.Allocate(cpu, Gfp.User, keyId, 0, _kernel.Platform.PackageOfCpu(cpu));
        if (frame < 0)
        {
            return AccessResult.OutOfMemory;
        }

        Span<byte> bytes = stackalloc byte[(int)PageBytes];
        _kernel.Swap.Read(slot, bytes);
        _kernel.WritePage(cpu, frame, bytes);
        bytes.Clear();
        _kernel.Swap.Put(slot);
        MapPage(vma, page, frame, writable: true);
        return AccessResult.Done;
    }
}
