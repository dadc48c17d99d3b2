using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>fork(2): the child shares the sealed frames by reference.</content>
internal sealed partial class AddressSpace
{
    private const ulong UserSpaceEnd = 1ul << 56; // with five levels of page tables

    // Drops from a child what its parent had and it has not.
    private void KeepOnly(IReadOnlyList<AddressRange> mapped)
    {
        ulong start = 0;
        foreach (AddressRange range in mapped)
        {
            ForgetRange(new(new(start), range.Start));
            start = range.End.Value;
        }

        ForgetRange(new(new(start), new(UserSpaceEnd)));
    }

    private void ForgetRange(AddressRange range)
    {
        RemoveStandIns(range);
        ForgetPagesOf(range);
    }

    private void ForgetPagesOf(AddressRange range)
    {
        _registered.Remove(range);
        _halfRegistered.Remove(range);
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                Forget(region, i);
            }
        }

        _keyRanges.Remove(range);
    }

    // The kernel has copied the page tables and waits for this to be read before the child can run. No move or fill can have
    // happened since the copy, so the child's missing pages are exactly the parent's.
    private void HandleFork(Userfaultfd childUffd)
    {
        EncryptAllStaged(); // staging is not inherited
        _unshared.Clear();
        UInt128 tag = NewTag();
        AddressSpace child = new(_context, childUffd, _keys.Share(), TagAddress) { Tag = tag };
        child._keyRanges.Inherit(_keyRanges);
        child._standIns.AddRange(_standIns);
        foreach (Region region in _table.Regions)
        {
            child.Inherit(region);
        }

        child._registered.AddAll(_registered.Ranges);

        child.InheritDisplaced(this);
        child._arguments = _arguments?.Fork();
        child.IsTagged = child.TryWriteTag(tag);
        _context.Orphans.Add(child);
    }

    private static UInt128 NewTag()
    {
        Span<byte> random = stackalloc byte[16];
        KernelRandom.Fill(random);
        return BitConverter.ToUInt128(random);
    }

    private bool TryWriteTag(UInt128 tag)
    {
        Span<byte> page = stackalloc byte[PageNumber.SizeBytes];
        page.Clear();
        _ = BitConverter.TryWriteBytes(page, tag);

        // Never present before: the page is wiped at every fork.
        return _uffd.Copy(new VirtualAddress(TagAddress).Page, page, out _) is FillOutcome.Filled or FillOutcome.Gone;
    }

    private void Inherit(Region parent)
    {
        if (parent.TrackedCount == parent.ClearCount)
        {
            return;
        }

        Region own = _table.GetRegion(new(parent.FirstPage));
        own.LastUsedTick = _context.Tick;
        for (int i = 0; i < Region.PageCount; i++)
        {
            PageEntry entry = parent[i];
            if (entry.State == PageState.Sealed)
            {
                DomainOf(parent, i).Frames.AddReference(entry.Value);
            }

            if (entry.IsSealed)
            {
                own.Set(i, entry);
            }
        }
    }
}
