using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>
/// Events that are read in another order than the changes happened. The kernel queues an event after it let go of the layout, so that of
/// two threads the second may report first; and mremap reports twice, the move and then the unmapping of the old place, which others may
/// have taken by then. While a report is outstanding the kernel refuses fills; once one is possible, none is.
/// </content>
internal sealed partial class AddressSpace
{
    private readonly RangeSet _displaced = new();
    private readonly Dictionary<ulong, PageEntry> _displacedPages = [];
    private readonly List<AddressSpace> _youngChildren = [];
    private readonly List<Landing> _lateLandings = [];
    private readonly List<AddressRange> _expectedUnmaps = [];
    private readonly RangeSet _doubtful = new();
    private AddressSpace? _elder;
    private bool _mustReconcile;

    // Whether it matters that some change of layout may not have been reported yet.
    private bool AwaitsReports => _mustReconcile || _youngChildren.Count > 0 || _expectedUnmaps.Count > 0
        || !_halfRegistered.IsEmpty || !_doubtful.IsEmpty;

    /// <summary>Tells whether every change of layout of what this was forked from, up to the fork, has been reported.</summary>
    internal bool IsElderSettled => _elder is null or { IsGone: true } or { Verdict: not null } or { Agent: null } || _elder.IsSettled();

    /// <summary>Makes a forked child's picture that of its own layout.</summary>
    /// <param name="covered">What is registered in the child, which has not run; without what fork wipes. Ascending.</param>
    internal void Settle(IReadOnlyList<AddressRange> covered)
    {
        RangeSet present = new();
        present.AddAll(covered);

        foreach (Landing landing in _lateLandings)
        {
            // Reported after the fork; it happened before if the child has the memory in the new place and not in the old.
            bool hasLeft = !present.Contains(landing.Source) || _displaced.PartsOf(landing.Source, inSet: true).Count > 0;
            if (hasLeft && present.Contains(landing.Target) && _registered.Contains(landing.Source))
            {
                HandleRemap(landing.Source.Start, landing.Target.Start, landing.Target.LengthBytes);
            }
        }

        _lateLandings.Clear();
        _expectedUnmaps.Clear();
        DropDisplaced();
        _doubtful.Clear();
        _mustReconcile = false;
        _elder = null;
        KeepOnly(covered);
    }

    private void InheritDisplaced(AddressSpace elder)
    {
        _elder = elder;
        elder._youngChildren.Add(this);
        _halfRegistered.AddAll(elder._halfRegistered.Ranges);
        _displaced.AddAll(elder._displaced.Ranges);
        _displacedKeys.Inherit(elder._displacedKeys);
        foreach ((ulong page, PageEntry entry) in elder._displacedPages)
        {
            if (entry.State == PageState.Sealed)
            {
                elder.DisplacedDomainOf(new(page)).Frames.AddReference(entry.Value);
            }

            _displacedPages.Add(page, entry);
        }
    }

    // The kernel refuses even what anonymous memory never allows with another errno while a report is outstanding. The tag page is
    // registered from first to last, and one page is never two VMAs.
    private bool HasNothingOutstanding() =>
        _uffd.IsOneRegisteredVma(AddressRange.FromLength(new(TagAddress), PageNumber.SizeBytes));

    private bool IsSettled()
    {
        bool isSettled = Agent is not null && HasNothingOutstanding();
        if (isSettled)
        {
            NoteSettled();
        }

        return isSettled;
    }

    private void NoteSettled()
    {
        _youngChildren.Clear();
        _doubtful.Clear();
        _halfRegistered.AddAll(_expectedUnmaps); // still there, and registered: MREMAP_DONTUNMAP left it
        ResolveHalfRegistered();

        if (_displacedPages.Count > 0)
        {
            Condemn("its memory changed in a way that the kernel did not report");
        }
        else if (_mustReconcile || _expectedUnmaps.Count > 0)
        {
            _mustReconcile = true; // an mremap that reported once (MREMAP_DONTUNMAP) may have hidden another report
            _expectedUnmaps.Clear();
            _displaced.Clear();
            _displacedKeys.Clear();
            Reconcile();
        }
    }

    // What was set aside may have been taken by another thread's later report. So the picture is compared with the kernel's; no change
    // can hide in the reading, because it would be outstanding afterwards.
    private void Reconcile()
    {
        IReadOnlyList<AddressRange> covered = SmapsReader.ReadCovered(Agent!.ProcessId);
        if (HasNothingOutstanding())
        {
            KeepOnly(covered);
            _mustReconcile = false;
        }
    }

    private void NoteLanding(AddressRange source, AddressRange target)
    {
        foreach (AddressSpace child in _youngChildren)
        {
            child._lateLandings.Add(new(source, target));
        }
    }

    // Memory lands where, as far as is known, there is registered memory still: the report of its end or its move is outstanding. What
    // was there is set aside for that report.
    private void Displace(AddressRange target)
    {
        if (_standIns.Exists(each => each.Range.Overlaps(target)))
        {
            Condemn("it mapped secret memory over other memory of the same kind in an order that cannot be told");
            return;
        }

        foreach (AddressRange range in _registered.PartsOf(target, inSet: true))
        {
            if (_displaced.PartsOf(range, inSet: true).Count > 0)
            {
                Condemn("three of its threads changed the layout of the same memory at once, in an order that cannot be told");
                return;
            }

            _mustReconcile = true;
            EncryptAllStaged(); // a slot knows its page by its address
            _displaced.Add(range);
            foreach ((ulong page, PageEntry entry) in TakeEntries(range, static entry => entry.IsSealed))
            {
                _displacedPages.Add(page, entry);
            }

            SetKeysAside(range);
        }

        // What was registered while the layout changed may have been what lands here already, of which no report is to come. The only thread
        // has had the report of all that it did before.
        List<AddressRange> doubtful = _halfRegistered.PartsOf(target, inSet: true);
        if (doubtful.Count > 0 && !HasNothingOutstanding() && !HasOneThread())
        {
            _doubtful.AddAll(doubtful);
        }
    }

    private bool HasOneThread() => Memory is { UserCount: 1 } memory && ThreadList.Of(memory.Pid).Count == 1;

    // A report about a place in which something is set aside is about that, not about what landed there since. Gives the parts of a
    // range that are not concerned.
    private List<AddressRange> TakeDisplaced(AddressRange range, List<(ulong Page, PageEntry Entry)>? taken)
    {
        if (_doubtful.Overlaps(range))
        {
            Condemn("its memory changed while it was being registered, in an order that cannot be told");
        }

        List<AddressRange> others = _displaced.PartsOf(range, inSet: false);
        foreach ((ulong number, PageEntry entry) in _displacedPages)
        {
            PageNumber page = new(number);
            if (!range.Contains(page.Address))
            {
                continue;
            }

            _ = _displacedPages.Remove(number);
            if (taken is null)
            {
                ReleaseFrame(page, entry);
            }
            else
            {
                taken.Add((number, entry));
            }
        }

        _displaced.Remove(range);
        _displacedKeys.Remove(range);
        return others;
    }

    private void DropDisplaced()
    {
        foreach ((ulong page, PageEntry entry) in _displacedPages)
        {
            ReleaseFrame(new(page), entry);
        }

        _displacedPages.Clear();
        _displacedKeys.Clear();
        _displaced.Clear();
    }

    private void ReleaseFrame(PageNumber page, PageEntry entry)
    {
        if (entry.State == PageState.Sealed)
        {
            DisplacedDomainOf(page).Release(entry.Value);
        }
    }

    /// <summary>An mremap that was reported after a fork.</summary>
    private readonly record struct Landing(AddressRange Source, AddressRange Target);
}
