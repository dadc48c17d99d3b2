using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>Memory that mremap(2) moves.</content>
internal sealed partial class AddressSpace
{
    // Read in mm/mremap.c: vma_remap_struct.old_len is that of what was moved.
    private static readonly bool s_tellsLengthMoved = Environment.OSVersion.Version >= new Version(6, 18);

    private ProcMaps? _mapsOfRemap;

    private void HandleRemap(VirtualAddress from, VirtualAddress to, ulong lengthBytes)
    {
        lengthBytes = s_tellsLengthMoved ? lengthBytes : LengthMoved(from, to, lengthBytes);
        AddressRange source = AddressRange.FromLength(from, lengthBytes);
        AddressRange target = AddressRange.FromLength(to, lengthBytes);
        if (Agent is not null && (source.Overlaps(Agent.Area) || target.Overlaps(Agent.Area)))
        {
            Condemn("it moved memory of its agent");
            return;
        }

        _ = _growths.RemoveAll(each => each.Range.Start == target.End);
        Displace(target); // first: it encrypts what is staged
        List<(ulong Page, PageEntry Entry)> moved = [];
        List<KeyRange> keys = LiftKeys(source);
        MoveStandIns(source, target);
        foreach (AddressRange part in TakeDisplaced(source, moved))
        {
            moved.AddRange(TakeEntries(part, static entry => entry.State != PageState.Untracked));
            _registered.Remove(part);
            _halfRegistered.Remove(part);
        }

        ForgetPagesOf(target);
        _registered.Add(target);
        NoteLanding(source, target);
        _expectedUnmaps.Add(source);
        LandKeys(keys, source, target);
        foreach ((ulong page, PageEntry entry) in moved)
        {
            PageNumber landed = new(page - from.Page.Value + to.Page.Value);
            _table.Set(landed, entry);
            if (entry.State == PageState.Limbo)
            {
                _slots!.Readdress(entry.Value, landed);
            }
        }
    }

    // Older kernels report of an mremap that moves and makes shorter (MREMAP_FIXED) the length that was, not that which has moved (mm/mremap.c:
    // mremap_to is given old_len by value). What lies behind the shorter mapping has nothing to do with it. The two reports that follow tell, for the
    // kernel then unmaps the old place in two parts, the one that was left over first; who made the call cannot go on before they are read.
    private ulong LengthMoved(VirtualAddress from, VirtualAddress to, ulong said)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            ulong landed = Math.Min(said, BytesMappedFrom(to));
            if (landed is 0 || landed == said || IsUnmapQueued(new(new(from.Value + landed), new(from.Value + said))))
            {
                return landed == 0 ? said : landed;
            }

            if (HasNothingOutstanding())
            {
                return said; // another thread has unmapped some of it since, or changed its protection
            }

            if (Stopwatch.GetElapsedTime(start) > s_layoutPatience)
            {
                Condemn("it was never told how much of its memory was moved");
                return said;
            }

            if (!ReadMessages())
            {
                _ = Thread.Yield();
            }
        }
    }

    private bool IsUnmapQueued(AddressRange range)
    {
        foreach (uffd_msg message in _events)
        {
            if (message.@event == Libc.UFFD_EVENT_UNMAP && RangeOf(message) == range)
            {
                return true;
            }
        }

        return false;
    }

    // To the end of the VMA that it lies in.
    private ulong BytesMappedFrom(VirtualAddress address)
    {
        _mapsOfRemap ??= _maps is null ? null : ProcMaps.TryOpen(Agent!.ProcessId);
        if (_mapsOfRemap?.Refresh() == true)
        {
            foreach (Vma vma in _mapsOfRemap)
            {
                if (vma.Range.Contains(address))
                {
                    return vma.Range.End.Value - address.Value;
                }
            }
        }

        return 0;
    }
}
