using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <content>What the VMA rules ask of pages.</content>
internal sealed partial class Process
{
    /// <inheritdoc/>
    public Errno ChangeProtection(AddressRange range, Protection oldProtection, Protection newProtection)
    {
        SplitHugeAtEdges(range);
        for (ulong at = Table.NextMapped(range.Start.Value, range.End.Value); at < range.End.Value;)
        {
            bool present = Table.TryWalk(at, out ulong pte, out PageSize size);
            if (present)
            {
                int frame = Pte.Frame(_kernel.Layout, pte);
                bool isShared = (pte & Pte.Special) != 0 || _kernel.ReverseMap.Count(frame) != 1
                    || (_kernel.Pages.Flags[frame] & PageFlags.Ksm) != 0;
                bool writable = size == PageSize.Medium || !isShared;
                ulong changed = Pte.Modify(_kernel.Layout, pte, FlagsFor(newProtection, writable));
                changed = _kernel.Mutant == Mutant.ModifyDropsKeyId ? Pte.StripKeyId(_kernel.Layout, changed) : changed;
                if (size == PageSize.Medium)
                {
                    Table.SetMedium(at, changed);
                }
                else
                {
                    Table.Set(at, changed);
                }

                _kernel.ShootDown(Number, at);
            }

            at = Table.NextMapped(at + (size == PageSize.Medium ? HugeBytes : PageBytes), range.End.Value);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno ChangeKey(in KeyChange change)
    {
        bool sameKey = change.From.KeyId == change.To.KeyId;
        if (change.Data == KeyChangeData.Discard)
        {
            if (sameKey || _kernel.Mutant != Mutant.SkipZapOnKeyIdChange)
            {
                DropPages(change.Range);
            }

            return Errno.None;
        }

        return sameKey
            ? ChangeProtection(change.Range, change.From.Protection, change.To.Protection)
            : Rekey(change);
    }

    /// <inheritdoc/>
    public void Unmap(Vma vma, AddressRange range) => DropPages(range);

    /// <inheritdoc/>
    public void Zap(Vma vma, AddressRange range) => DropPages(range);

    /// <inheritdoc/>
    public Errno Move(Vma vma, AddressRange range, VirtualAddress destination)
    {
        SplitHugeWithin(range);
        ulong shift = unchecked(destination.Value - range.Start.Value);
        for (ulong at = Table.NextMapped(range.Start.Value, range.End.Value); at < range.End.Value;
            at = Table.NextMapped(at + PageBytes, range.End.Value))
        {
            ulong pte = Table.Get(at);
            ulong to = unchecked(at + shift);
            Table.Set(at, 0);
            _kernel.ShootDown(Number, at);
            Table.Set(to, pte);
            if ((pte & Pte.Present) != 0 && (pte & Pte.Special) == 0)
            {
                int frame = Pte.Frame(_kernel.Layout, pte);
                _kernel.ReverseMap.Remove(frame, Number, at);
                _kernel.ReverseMap.Add(frame, Number, to);
            }
        }

        return Errno.None;
    }

    /// <summary>Takes a page of a file out of the table, wherever the file is mapped.</summary>
    internal void UnmapHole(VmaBacking backing, long index)
    {
        ulong offset = (ulong)index * PageBytes;
        foreach (Vma vma in _space.Vmas)
        {
            if (vma.Backing == backing && offset >= vma.OffsetBytes && offset - vma.OffsetBytes < vma.Range.LengthBytes)
            {
                ulong at = vma.Start.Value + (offset - vma.OffsetBytes);
                Table.Set(at, 0);
                _kernel.ShootDown(Number, at);
            }
        }
    }

    /// <inheritdoc/>
    public void CopyForFork(IMemoryMachine child, Vma vma)
    {
        if (!vma.IsAnonymous)
        {
            return; // shared pages are found again by a fault
        }

        SplitHugeWithin(vma.Range);
        for (ulong at = Table.NextMapped(vma.Start.Value, vma.End.Value); at < vma.End.Value;
            at = Table.NextMapped(at + PageBytes, vma.End.Value))
        {
            CopyEntryForFork((Process)child, vma, at);
        }
    }

    private void CopyEntryForFork(Process child, Vma vma, ulong at)
    {
        ulong pte = Table.Get(at);
        int frame = Pte.Frame(_kernel.Layout, pte);
        if ((pte & Pte.Present) == 0)
        {
            _kernel.Swap.Get(frame);
            child.Table.Set(at, pte);
            return;
        }

        if (frame == _kernel.ZeroFrame)
        {
            child.Table.Set(at, pte);
            return;
        }

        int copy = IsPinned(frame) ? AllocateFor(Cpu, vma, Gfp.User) : -1;
        if (copy >= 0)
        {
            // A device may be writing to the parent's page: the child gets its own at once.
            _kernel.CopyPage(Cpu, frame, copy);
            child.MapPage(vma, at, copy, writable: true);
            return;
        }

        ulong shared = _kernel.Mutant == Mutant.ForkLeavesWritable ? pte : pte & ~Pte.Writable;
        Table.Set(at, shared);
        _kernel.ShootDown(Number, at);
        child.Table.Set(at, shared);
        _kernel.Allocator.Get(frame);
        _kernel.ReverseMap.Add(frame, child.Number, at);
    }

    /// <summary>Tells whether somebody beside page tables holds a frame.</summary>
    private bool IsPinned(int frame) => _kernel.Pages.References[frame] > _kernel.ReverseMap.Count(frame);

    /// <summary>Takes the pages of a range out of the table and frees those that nobody else holds.</summary>
    private void DropPages(AddressRange range)
    {
        SplitHugeAtEdges(range);
        _gone.Clear();
        for (ulong at = Table.NextMapped(range.Start.Value, range.End.Value); at < range.End.Value;)
        {
            bool present = Table.TryWalk(at, out ulong pte, out PageSize size);
            int frame = Pte.Frame(_kernel.Layout, pte);
            if (size == PageSize.Medium)
            {
                Table.SetMedium(at, 0);
            }
            else
            {
                Table.Set(at, 0);
            }

            if (!present)
            {
                _kernel.Swap.Put(frame);
            }
            else
            {
                // The shootdown comes before the page is freed, or another CPU could still reach it after its next
                // use began.
                _kernel.ShootDown(Number, at);
                if ((pte & Pte.Special) == 0)
                {
                    _kernel.ReverseMap.Remove(frame, Number, at);
                    _gone.Add(frame);
                }
            }

            at = Table.NextMapped(at + (size == PageSize.Medium ? HugeBytes : PageBytes), range.End.Value);
        }

        foreach (int frame in _gone)
        {
            _ = _kernel.Allocator.Put(Cpu, frame); // others may still hold it
        }
    }

    /// <summary>
    /// Moves the contents of a range under another KeyID: new pages, copied through both direct maps.
    /// </summary>
    private Errno Rekey(in KeyChange change)
    {
        SplitHugeWithin(change.Range);
        List<(ulong At, int Frame)> copies = [];
        for (ulong at = Table.NextMapped(change.Range.Start.Value, change.Range.End.Value); at < change.Range.End.Value;
            at = Table.NextMapped(at + PageBytes, change.Range.End.Value))
        {
            ulong pte = Table.Get(at);
            if ((pte & Pte.Present) == 0 || Pte.Frame(_kernel.Layout, pte) == _kernel.ZeroFrame)
            {
                continue; // swapped pages get the new KeyID when they come back; the zero page has none
            }

            int copy = _kernel.Allocator.Allocate(Cpu, Gfp.User, change.To.KeyId.Value, 0, _kernel.Platform.PackageOfCpu(Cpu));
            if (copy < 0)
            {
                foreach ((ulong _, int frame) in copies)
                {
                    _kernel.Allocator.Free(Cpu, frame);
                }

                return Errno.ENOMEM;
            }

            copies.Add((at, copy));
        }

        foreach ((ulong at, int copy) in copies)
        {
            Replace(at, copy, change.To);
        }

        return ChangeProtection(change.Range, change.From.Protection, change.To.Protection);
    }

    private void Replace(ulong at, int copy, VmaAttributes to)
    {
        int old = Pte.Frame(_kernel.Layout, Table.Get(at));
        _kernel.CopyPage(Cpu, old, copy);
        _kernel.Pages.Flags[copy] |= PageFlags.Anonymous;
        Table.Set(at, Pte.Make(_kernel.Layout, copy, to.KeyId.Value, FlagsFor(to.Protection, writable: true)));
        _kernel.ShootDown(Number, at);
        _kernel.ReverseMap.Remove(old, Number, at);
        _kernel.ReverseMap.Add(copy, Number, at);
        _ = _kernel.Allocator.Put(Cpu, old); // others may still map it
    }
}
