using System;
using System.Linq;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>
/// Registering memory with the userfaultfd, whole VMAs at a time: one that is registered in part is two, and mremap(2) refuses ranges that span
/// two. The program may change its layout between the look and the registration; what came out of it is then looked at.
/// </content>
internal sealed partial class AddressSpace
{
    private static readonly PageFilter s_mapped = new(
        PageCategories.None, PageCategories.None, PageCategories.None, PageCategories.None);

    private readonly RangeSet _halfRegistered = new();

    // How many pages from a page on lie in its VMA, or 1 if none is known. Registers the VMA if it is not and may be.
    private int RestOfVma(PageNumber page, bool mayRegister, out bool isRegistered)
    {
        isRegistered = false;
        if (FindVma(page) is not { } vma)
        {
            return 1;
        }

        isRegistered = _registered.Contains(vma.Range)
            || ((mayRegister || !IsGrowing(vma)) && !AwaitsKey(vma.Range) && TryRegister(vma.Range, vma.Room));
        return (int)Math.Min(vma.Range.End.Page.Value - page.Value, int.MaxValue);
    }

    // Together with the holes beside it, into which it may have grown since the last look.
    private bool TryRegister(AddressRange range, AddressRange room)
    {
        // Not while memory may have landed there of which no report was read: it would be taken for new.
        if (!HasNothingOutstanding() || LookAround(range, room) is not { } site)
        {
            return false;
        }

        int errno = _uffd.Register(site.Room);
        if (errno is not (0 or Libc.ESRCH) && site.Room != range)
        {
            // Something that cannot be registered was mapped there.
            if (LookAround(range, range) is not { } narrow)
            {
                return false; // and the VMA is gone
            }

            site = narrow;
            errno = _uffd.Register(site.Room);
        }

        switch (errno)
        {
            case 0:
                RegisterRests(site);
                NoteRegistration(range, site);
                return _registered.Contains(range);
            case Libc.ESRCH:
                IsGone = true;
                return false;
            case Libc.EBUSY:
                LeaveToProgram(range);
                return false;
            default:
                Exclude(range, ClearReason.NotMovable);
                return false;
        }
    }

    // What is there at this moment, in the place of a VMA and the holes beside it; null when the VMA is gone. A VMA that reaches over an end of that
    // place belongs to it, what cannot be registered ends it.
    private Site? LookAround(AddressRange range, AddressRange room)
    {
        int errno = _maps!.Find(range.Start, out VmaOutline own);
        if (errno == Libc.ENOTTY)
        {
            return LookByPages(range, room);
        }

        if (errno != 0 || !MayRegister(own) || !own.Range.Contains(range.Start))
        {
            return null;
        }

        bool isAlone = own.Range == range;
        VirtualAddress start = room.Start;
        VirtualAddress at = start;
        while (_maps.Find(at, out VmaOutline vma) == 0 && vma.Range.Start.Value < own.Range.Start.Value)
        {
            isAlone = false;
            at = vma.Range.End;
            start = MayRegister(vma) ? Lower(start, vma.Range.Start) : at;
        }

        VirtualAddress end = own.Range.End;
        VmaOutline above;
        while (_maps.Find(end, out above) == 0 && MayRegister(above) && above.Range.Start.Value < room.End.Value)
        {
            isAlone = false;
            end = above.Range.End;
        }

        start = Lower(start, own.Range.Start);
        end = end.Value >= room.End.Value ? end : above.Range.IsEmpty ? room.End : Lower(room.End, above.Range.Start);
        return new Site(new(start, end), isAlone, VmaEndingAt(start), above);
    }

    // Not what the program is about to register itself.
    private bool MayRegister(in VmaOutline vma) => vma.IsPrivateWithoutFile && !_excluded.ContainsKey(vma.Range.Start.Value);

    // For kernels that do not tell of a single VMA, before Linux 6.11.
    private Site? LookByPages(AddressRange range, AddressRange room) =>
        IsUnmapped(FirstPageOf(range)) || IsUnmapped(LastPageOf(range)) ? null
            : new Site(room, IsUnmapped(new(room.Start, range.Start)) && IsUnmapped(new(range.End, room.End)), default, default);

    private static VirtualAddress Lower(VirtualAddress one, VirtualAddress other) => one.Value < other.Value ? one : other;

    private VmaOutline VmaEndingAt(VirtualAddress end) =>
        end != default && _maps!.Find(new(end.Value - 1), out VmaOutline vma) == 0 && vma.Range.End == end ? vma : default;

    // A VMA that was made so since that it reached over an end of what was then registered is two for this moment.
    private void RegisterRests(in Site site)
    {
        RegisterRest(VmaEndingAt(site.Room.Start), site.Below);
        if (_maps!.Find(site.Room.End, out VmaOutline above) == 0 && above.Range.Start == site.Room.End)
        {
            RegisterRest(above, site.Above);
        }
    }

    private void RegisterRest(VmaOutline rest, VmaOutline before)
    {
        if (rest != before && MayRegister(rest) && !Agent!.Area.Overlaps(rest.Range) && _uffd.Register(rest.Range) == 0)
        {
            _halfRegistered.Add(rest.Range);
        }
    }

    private void NoteRegistration(AddressRange range, in Site site)
    {
        bool isRegistered = _uffd.IsOneRegisteredVma(range);
        if (isRegistered)
        {
            _registered.Add(range);
            _isLookDue = true;
        }

        if (!isRegistered || !site.IsAlone || !_halfRegistered.IsEmpty || LookAround(range, site.Room) != site)
        {
            // It has changed since the last look: some may be mapped anew by now.
            _halfRegistered.Add(site.Room);
            if (isRegistered)
            {
                _halfRegistered.Remove(range);
            }

            ResolveHalfRegistered();
        }
    }

    // What was registered while the layout changed is memory that was there, or what landed in its place, or nothing. Which, can be told
    // while no change is outstanding.
    private void ResolveHalfRegistered()
    {
        foreach (AddressRange range in _halfRegistered.Ranges.ToArray())
        {
            NoteIfRegistered(range);
        }

        if (!_halfRegistered.IsEmpty && HasNothingOutstanding() && _maps is not null && NoteRegisteredVmas() && HasNothingOutstanding())
        {
            _halfRegistered.Clear(); // the rest was in no VMA, or in one that is not registered
        }
    }

    // False: the memory is gone.
    private bool NoteRegisteredVmas()
    {
        foreach (AddressRange range in _halfRegistered.Ranges.ToArray())
        {
            VirtualAddress at = range.Start;
            int errno;
            while ((errno = _maps!.Find(at, out VmaOutline vma)) == 0 && vma.Range.Start.Value < range.End.Value)
            {
                NoteIfRegistered(vma.Range);
                at = vma.Range.End;
            }

            if (errno is not (0 or Libc.ENOENT))
            {
                return errno == Libc.ENOTTY && NoteRegisteredVmasOfText();
            }
        }

        return true;
    }

    // Likewise for older kernels.
    private bool NoteRegisteredVmasOfText()
    {
        if (!_maps!.Refresh())
        {
            return false;
        }

        foreach (Vma vma in _maps)
        {
            if (_halfRegistered.Overlaps(vma.Range))
            {
                NoteIfRegistered(vma.Range);
            }
        }

        return true;
    }

    // Registering again does nothing, but for memory that the program registered with a userfaultfd of its own it fails. What memory with a
    // key has grown by is left to FollowVmas.
    private void NoteIfRegistered(AddressRange range)
    {
        if (_uffd.IsOneRegisteredVma(range) && !Agent!.Area.Overlaps(range) && !AwaitsKey(range) && _uffd.Register(range) == 0)
        {
            _halfRegistered.Remove(range);
            _registered.Add(range);
            _isLookDue = true;
        }
    }

    // Without any VMA, not only without pages.
    private bool IsUnmapped(AddressRange range) =>
        range.IsEmpty || _pagemap?.Find(range, s_mapped, stackalloc PageRun[1], out _) == 0;

    private static AddressRange FirstPageOf(AddressRange range) => AddressRange.FromLength(range.Start, PageNumber.SizeBytes);

    private static AddressRange LastPageOf(AddressRange range) => new(new(range.End.Value - PageNumber.SizeBytes), range.End);

    /// <summary>Where memory is registered.</summary>
    /// <param name="Room">What is registered: whole VMAs, and the holes beside them.</param>
    /// <param name="IsAlone">Whether there is nothing but the VMA of the last look.</param>
    /// <param name="Below">The VMA that ends where the room begins; the default when there is none.</param>
    /// <param name="Above">The first one above the room.</param>
    private readonly record struct Site(AddressRange Room, bool IsAlone, VmaOutline Below, VmaOutline Above);
}
