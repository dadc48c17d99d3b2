using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>The advice of madvise(2) that matters here; numbers of the MADV_ constants.</summary>
public enum Advice
{
    /// <summary>No special treatment.</summary>
    Normal = 0,

    /// <summary>Access without order.</summary>
    Random = 1,

    /// <summary>Access in order.</summary>
    Sequential = 2,

    /// <summary>Drop the pages now.</summary>
    DontNeed = 4,

    /// <summary>Not for forked children.</summary>
    DontFork = 10,

    /// <summary>For forked children again.</summary>
    DoFork = 11,

    /// <summary>May be merged with equal pages.</summary>
    Mergeable = 12,

    /// <summary>May not be merged any more.</summary>
    Unmergeable = 13,

    /// <summary>Huge pages wanted.</summary>
    HugePage = 14,

    /// <summary>Huge pages refused.</summary>
    NoHugePage = 15,

    /// <summary>Not in core dumps.</summary>
    DontDump = 16,

    /// <summary>In core dumps again.</summary>
    DoDump = 17,

    /// <summary>Empty in forked children.</summary>
    WipeOnFork = 18,

    /// <summary>With contents in forked children again.</summary>
    KeepOnFork = 19,
}

/// <content>madvise, mlock, and other calls that change traits: VMAs split, and merge only with their own
/// KeyID.</content>
public sealed partial class AddressSpace
{
    /// <summary>Takes advice on a range: madvise(2).</summary>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">Rounded up to pages; 0 succeeds and does nothing.</param>
    /// <param name="advice">The advice; other numbers than those above are EINVAL.</param>
    /// <returns>
    /// Success; EINVAL (also: dropping locked pages, wiping what is not anonymous); ENOMEM (a hole, but everything
    /// mapped was advised; or too many VMAs).
    /// </returns>
    public Errno Advise(VirtualAddress address, ulong lengthBytes, Advice advice)
    {
        if (!Enum.IsDefined(advice) || !IsAligned(address.Value) || !TryAlign(lengthBytes, out ulong length)
            || length > ulong.MaxValue - address.Value)
        {
            return Errno.EINVAL;
        }

        Errno holes = Errno.None;
        AddressRange range = AddressRange.FromLength(address, length);
        VirtualAddress at = range.Start;
        while (at.Value < range.End.Value)
        {
            if (_vmas.FindAtOrAfter(at) is not { } vma || vma.Start.Value >= range.End.Value)
            {
                return Errno.ENOMEM;
            }

            if (vma.Start.Value > at.Value)
            {
                holes = Errno.ENOMEM;
                at = vma.Start;
            }

            AddressRange part = new(at, new(Math.Min(vma.End.Value, range.End.Value)));
            Errno errno = AdvisePiece(vma, part, advice);
            if (errno != Errno.None)
            {
                return errno;
            }

            at = part.End;
        }

        return holes;
    }

    /// <summary>Locks a range into memory or lets it go: mlock(2), munlock(2). How much may be locked is the machine's
    /// to say.</summary>
    /// <param name="address">Rounded down to a page.</param>
    /// <param name="lengthBytes">With what was rounded off, rounded up to pages; 0 succeeds.</param>
    /// <param name="isLocked">To lock or to let go.</param>
    /// <returns>Success; EINVAL (the range wraps round); ENOMEM (a hole; or too many VMAs).</returns>
    public Errno SetLocked(VirtualAddress address, ulong lengthBytes, bool isLocked)
    {
        ulong start = address.Value & ~(ulong)(PageNumber.SizeBytes - 1);
        ulong lead = address.Value - start;
        if (lengthBytes > ulong.MaxValue - lead || !TryAlign(lengthBytes + lead, out ulong length)
            || length > ulong.MaxValue - start)
        {
            return Errno.EINVAL;
        }

        return lengthBytes == 0 ? Errno.None
            : isLocked ? ChangeTraits(Range(start, start + length), VmaTraits.Locked, VmaTraits.None)
            : ChangeTraits(Range(start, start + length), VmaTraits.None, VmaTraits.Locked);
    }

    /// <summary>Changes traits of a range, as mbind, mlock and userfaultfd do.</summary>
    /// <param name="range">Page-aligned.</param>
    /// <param name="set">Traits to set.</param>
    /// <param name="clear">Traits to clear.</param>
    /// <returns>Success; ENOMEM (a hole, with what lies before it changed; or too many VMAs).</returns>
    public Errno ChangeTraits(AddressRange range, VmaTraits set, VmaTraits clear)
    {
        VirtualAddress at = range.Start;
        while (at.Value < range.End.Value)
        {
            if (Find(at) is not { } vma)
            {
                return Errno.ENOMEM;
            }

            AddressRange part = new(at, new(Math.Min(vma.End.Value, range.End.Value)));
            Errno errno = ChangeTraitsOfPiece(vma, part, (vma.Traits | set) & ~clear);
            if (errno != Errno.None)
            {
                return errno;
            }

            at = part.End;
        }

        return Errno.None;
    }

    private Errno AdvisePiece(Vma vma, AddressRange part, Advice advice)
    {
        const VmaTraits Order = VmaTraits.Random | VmaTraits.Sequential;
        const VmaTraits Huge = VmaTraits.HugePage | VmaTraits.NoHugePage;
        switch (advice)
        {
            case Advice.DontNeed when (vma.Traits & VmaTraits.Locked) != 0:
            case Advice.WipeOnFork when !vma.IsAnonymous:
                return Errno.EINVAL;
            case Advice.DontNeed:
                Machine.Zap(vma, part);
                CountZap(part);
                return Errno.None;
            default:
                break;
        }

        (VmaTraits set, VmaTraits clear) = advice switch
        {
            Advice.Normal => (VmaTraits.None, Order),
            Advice.Random => (VmaTraits.Random, Order),
            Advice.Sequential => (VmaTraits.Sequential, Order),
            Advice.DontFork => (VmaTraits.DontFork, VmaTraits.None),
            Advice.DoFork => (VmaTraits.None, VmaTraits.DontFork),
            Advice.Mergeable => (VmaTraits.Mergeable, VmaTraits.None),
            Advice.Unmergeable => (VmaTraits.None, VmaTraits.Mergeable),
            Advice.HugePage => (VmaTraits.HugePage, Huge),
            Advice.NoHugePage => (VmaTraits.NoHugePage, Huge),
            Advice.DontDump => (VmaTraits.DontDump, VmaTraits.None),
            Advice.DoDump => (VmaTraits.None, VmaTraits.DontDump),
            Advice.WipeOnFork => (VmaTraits.WipeOnFork, VmaTraits.None),
            Advice.KeepOnFork => (VmaTraits.None, VmaTraits.WipeOnFork),
            _ => throw new ArgumentOutOfRangeException(nameof(advice), advice, "There is no such advice."),
        };
        return ChangeTraitsOfPiece(vma, part, (vma.Traits & ~clear) | set);
    }

    private Errno ChangeTraitsOfPiece(Vma vma, AddressRange part, VmaTraits traits)
    {
        if (traits == vma.Traits)
        {
            return Errno.None;
        }

        Errno errno = Plan(vma, part, vma.Attributes.WithTraits(traits));
        if (errno == Errno.None)
        {
            Splice();
        }

        return errno;
    }
}
