using System;
using System.Collections.Generic;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <summary>The pager's picture of one target's memory: its page table, its userfaultfd, its agent.</summary>
/// <remarks>
/// <para>One partial class, a file per verb: Fault, Events, Remap, Order, Fork, Scan, Choose, Move, Unshare, Seal; and one per matter: Arguments,
/// Dirty, Files, Keys.</para>
/// <para>Guarded by: only the pager thread touches it, so there are no locks and every decision sees a settled state. What runs at the same
/// time is the target itself. The rules that keep the two in step:</para>
/// <list type="bullet">
/// <item>The kernel lets no fill or move happen between a change of layout (fork, mremap, munmap, madvise) and the reading of its event:
/// they fail with EAGAIN. So every state is looked up again after EAGAIN.</item>
/// <item>While the agent may be moving pages, no event is read (moves are sent and awaited in one step). Otherwise a range could be
/// unmapped and mapped anew, unregistered, between the sending of a move and its execution, and the move would take a page whose faults
/// nobody hears of.</item>
/// <item>A range is in <c>_registered</c> only if the pager registered it and no event since took it away.</item>
/// </list>
/// </remarks>
internal sealed partial class AddressSpace : IDisposable
{
    private const int MessagesAtOnce = 16;
    private static readonly TimeSpan s_layoutPatience = TimeSpan.FromSeconds(20);

    private readonly PagerContext _context;
    private readonly Userfaultfd _uffd;
    private readonly KeyDomain _keys;
    private readonly PageTable _table;
    private readonly RangeSet _registered;
    private readonly uffd_msg[] _messages = new uffd_msg[MessagesAtOnce];
    private readonly Queue<uffd_msg> _events = new(MessagesAtOnce); // read, and not handled yet
    private readonly Queue<WaitingFault> _faults = new(MessagesAtOnce); // likewise
    private readonly Queue<WaitingFault> _waiting = new(MessagesAtOnce);

    /// <summary>Takes over the memory of a target.</summary>
    /// <param name="context">What the tree shares.</param>
    /// <param name="uffd">Its userfaultfd, after the handshake; owned from here on.</param>
    /// <param name="keys">Its key; one use of it is owned from here on.</param>
    /// <param name="tagAddress">The address of its tag page.</param>
    internal AddressSpace(PagerContext context, Userfaultfd uffd, KeyDomain keys, ulong tagAddress)
    {
        _context = context;
        _uffd = uffd;
        _keys = keys;
        _table = new PageTable(context.Counts);
        _keyRanges = new KeyRanges(context.Slots);
        _displacedKeys = new KeyRanges(context.Slots);
        _registered = new RangeSet();
        TagAddress = tagAddress;
    }

    /// <summary>Gets the userfaultfd, to wait on.</summary>
    internal Userfaultfd Uffd => _uffd;

    /// <summary>Gets the key.</summary>
    internal KeyDomain Keys => _keys;

    /// <summary>Gets the agent; null between a fork and the start of the child's own agent.</summary>
    internal AgentLink? Agent { get; private set; }

    /// <summary>Gets the address of the page that is filled with a tag in a forked child.</summary>
    internal ulong TagAddress { get; }

    /// <summary>Gets or sets whose memory this is; null until it is known of a forked child.</summary>
    internal TargetMemory? Memory { get; set; }

    /// <summary>Gets a process that uses this memory; its threads are looked at. 0: unknown yet.</summary>
    internal int TargetPid => Memory?.Pid ?? 0;

    /// <summary>Gets the tag that tells this child of a fork from others; zero in what was not forked.</summary>
    internal UInt128 Tag { get; private init; }

    /// <summary>Gets a value indicating whether the tag could be written, so that the child will be known by it.</summary>
    internal bool IsTagged { get; private set; }

    /// <summary>Gets what the page entries take, in bytes.</summary>
    internal long MetadataBytes => (long)_table.Regions.Count * Region.Bytes;

    /// <summary>Gets the counts of pages.</summary>
    internal PageCounts Counts => _table.Counts;

    /// <summary>Gets why the target must be killed, or null.</summary>
    internal string? Verdict { get; private set; }

    /// <summary>Gets a value indicating whether the address space has ended (its processes are gone).</summary>
    internal bool IsGone { get; private set; }

    /// <summary>Gets a value indicating whether something waits for the layout to settle, and must be tried again soon.</summary>
    internal bool IsUnsettled => _waiting.Count > 0 || AwaitsReports || (_doCallsWait && HasCalls);

    /// <summary>Gets or sets the tick in which nothing could be evicted, so that it is not tried again and again.</summary>
    internal int FutileTick { get; set; }

    /// <summary>Gives the address space its agent.</summary>
    /// <param name="agent">Ready and idle; owned from here on.</param>
    internal void Adopt(AgentLink agent)
    {
        Agent = agent;
        _arguments = agent.Arguments ?? _arguments;
        _slots = new StagingSlots();
        _maps = ProcMaps.TryOpen(agent.ProcessId);
        _pagemap = PagemapScan.TryOpen(agent.ProcessId);
        WatchDirtyBits();
    }

    /// <summary>Reads and handles what the userfaultfd has queued.</summary>
    /// <returns>Whether there was anything.</returns>
    internal bool HandleMessages()
    {
        CoverGrowths();
        if (_waiting.Count > 0 && !TryAgain())
        {
            Condemn("the kernel reports a change of its memory's layout that never ends");
            return false;
        }

        if (_isGrowthUncovered)
        {
            return false; // the report that may be there by now is read when it is covered again
        }

        bool isAny = ReadMessages();

        // Events first: with their reading the kernel lets fills happen again, so a fault must not be answered from what was known
        // before them. (Answered first, it would put back contents that madvise has dropped, or that a fork has not copied.)
        while (Verdict is null && _events.TryDequeue(out uffd_msg message))
        {
            HandleEvent(message);
        }

        while (Verdict is null && _faults.TryDequeue(out WaitingFault fault))
        {
            HandleFault(fault);
        }

        if (AwaitsReports)
        {
            _ = IsSettled();
        }

        return isAny;
    }

    private bool ReadMessages()
    {
        int count = _uffd.ReadMessages(_messages);
        long now = count > 0 ? Stopwatch.GetTimestamp() : 0;
        foreach (uffd_msg message in _messages.AsSpan(0, Math.Max(count, 0)))
        {
            if (message.@event != Libc.UFFD_EVENT_PAGEFAULT)
            {
                _events.Enqueue(message);
            }
            else
            {
                bool isWrite = (message.word0 & Libc.UFFD_PAGEFAULT_FLAG_WRITE) != 0;
                _faults.Enqueue(new(new VirtualAddress(message.word1).Page, isWrite, (int)message.word2, now, s_eventPatience));
            }
        }

        return count > 0;
    }

    /// <summary>Puts every sealed page back and lets the memory go on uncovered: it cannot have an agent.</summary>
    /// <returns>False when some page could not be put back.</returns>
    internal bool TryOpenAll()
    {
        if (_standIns.Count > 0)
        {
            return false;
        }

        foreach (Region region in _table.Regions)
        {
            for (int i = 0; i < Region.PageCount; i++)
            {
                if (region[i].IsSealed && (!OpenAround(region, i) || region[i].IsSealed))
                {
                    return false;
                }
            }
        }

        bool isFree = true;
        foreach (AddressRange range in _registered.Ranges)
        {
            isFree &= _uffd.Unregister(range) == 0;
        }

        AddressRange tag = AddressRange.FromLength(new(TagAddress), PageNumber.SizeBytes);
        return isFree && _uffd.Unregister(tag) == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        IsGone = true;
        DropDisplaced();
        foreach (Region region in _table.Regions)
        {
            for (int i = 0; i < Region.PageCount && region.TrackedCount > 0; i++)
            {
                Forget(region, i);
            }
        }

        EndCalls();
        _keyRanges.Clear();
        Agent?.Dispose();
        _maps?.Dispose();
        _mapsOfRemap?.Dispose();
        _pagemap?.Dispose();
        _uffd.Dispose();
        _keys.Release();
    }

    // Ends the target: something about it is wrong, and a page of it might come back wrong if it went on.
    private void Condemn(string reason) => Verdict ??= reason;

    // Drops what is known of a page, and with it the frame or the slot.
    private void Forget(Region region, int index) => Replace(region, index, default);

    private void Replace(Region region, int index, PageEntry by)
    {
        PageEntry entry = region[index];
        if (entry.State == PageState.Sealed)
        {
            DomainOf(region, index).Release(entry.Value);
        }
        else if (entry.State == PageState.Limbo)
        {
            _queue.Leave(entry.Value);
            _slots!.Soil(entry.Value);
        }

        region.Set(index, by);
    }

    /// <summary>A fault that was read and not answered yet.</summary>
    private readonly record struct WaitingFault(PageNumber Page, bool IsWrite, int ThreadId, long ReadAt, TimeSpan Patience);
}
