using System;
using System.Diagnostics;
using System.Security.Cryptography;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Sealing: pages are moved to staging (Limbo), encrypted into frames, and the staging pages are dropped.</content>
internal sealed partial class AddressSpace
{
    private const int MaxMoves = 50;
    private const int EncryptAtOnce = 32;
    private const int MaxDropRuns = 26;
    private const int DropWhenDirty = 256;

    private readonly Move[] _plan = new Move[MaxMoves];
    private readonly bool[] _isQueued = new bool[AgentLayout.SlotCount];
    private int _planned;
    private int _queuedSlots;
    private int _nextSlot;
    private bool _isDropping;
    private StagingSlots? _slots;

    /// <summary>Gets a value indicating whether pages can be moved to staging now.</summary>
    internal bool CanMove => Agent is { IsBusy: false } && Verdict is null && !IsGone && _waiting.Count == 0 && !_mustReconcile
        && _slots!.CountOf(SlotState.Free) > 0;

    /// <summary>Gets a value indicating whether <see cref="Work"/> has something to do.</summary>
    internal bool HasWork => Agent is not null && (_queuedSlots > 0
        || (!Agent.IsBusy && (_slots!.CountOf(SlotState.Dirty) > 0 || _toUnshare.Count > 0)));

    /// <summary>Gets a value indicating whether sealing goes on here by itself, whether or not faults are answered meanwhile.</summary>
    internal bool IsSealing => Verdict is null && !IsGone
        && (_queuedSlots > 0 || _isDropping || (CanMove && (HasWork || FutileTick != _context.Tick)));

    /// <summary>Gets a value indicating whether the agent has not answered for so long that something is wrong with it.</summary>
    internal bool IsAgentOverdue =>
        Agent is { IsBusy: true } && Stopwatch.GetElapsedTime(Agent.SentAt) > AgentLink.Patience;

    /// <summary>Does a slice of the work that sealing takes: some tens of microseconds.</summary>
    internal void Work()
    {
        if (_queuedSlots > 0)
        {
            EncryptSome(EncryptAtOnce);
        }

        if (Agent is not { IsBusy: false } || Verdict is not null)
        {
            return;
        }

        int dirty = _slots!.CountOf(SlotState.Dirty);
        if (dirty >= DropWhenDirty || (dirty > 0 && _queuedSlots == 0))
        {
            SendDrop();
        }
        else if (_toUnshare.Count > 0)
        {
            SendUnshare();
        }
    }

    /// <summary>Takes the agent's reply to what was not awaited: <see cref="SendDrop"/> or <see cref="SendUnshare"/>.</summary>
    internal void HandleAgentReply()
    {
        if (!Agent!.TryReceive(out bool isGone))
        {
            if (isGone)
            {
                Condemn("its agent was killed");
            }
        }
        else if (_isDropping)
        {
            FinishDrop();
        }
    }

    // Plans the move of a run of Clear pages; false when the plan or the staging is full.
    private bool TryPlan(PageNumber first, int count, bool isProbe)
    {
        while (count > 0)
        {
            int found = _planned == MaxMoves ? 0 : _slots!.FindFree(_nextSlot, count, out _nextSlot);
            if (found == 0)
            {
                return false;
            }

            _plan[_planned++] = new(first, found, _nextSlot, isProbe);
            _nextSlot += found;
            first = new(first.Value + (ulong)found);
            count -= found;
        }

        return true;
    }

    private void BeginPlan()
    {
        _planned = 0;
        _nextSlot = 0;
    }

    // Sends the planned moves and waits for the reply. No event is read meanwhile; see the class.
    private int ExecutePlan()
    {
        if (_planned == 0)
        {
            return 0;
        }

        AgentMessage message = Agent!.Message;
        message.Clear();
        for (int i = 0; i < _planned; i++)
        {
            _ = message.AddMove(
                Agent.RemoteUffd,
                Agent.SlotAddress(_plan[i].Slot),
                _plan[i].First.Address.Value,
                (ulong)_plan[i].Count << PageNumber.Shift);
        }

        long start = Stopwatch.GetTimestamp();
        if (!Agent.TryExchange())
        {
            Condemn("its agent was killed or does not answer");
            return 0;
        }

        _context.Statistics.Sealing.Move += Stopwatch.GetTimestamp() - start;
        int moved = 0;
        for (int i = 0; i < _planned; i++)
        {
            moved += ApplyMove(_plan[i], message.Result(i), message.MovedBytes(i));
        }

        return moved;
    }

    // The reply lies in the target's memory and is not trusted: a number too large is cut, and a page said to be moved that is not
    // in staging is found out when it is read.
    private int ApplyMove(Move move, long result, long movedBytes)
    {
        int moved = result == 0 ? move.Count : (int)Math.Clamp(movedBytes >> PageNumber.Shift, 0, move.Count);
        for (int i = 0; i < moved; i++)
        {
            PageNumber page = new(move.First.Value + (ulong)i);
            _slots!.Fill(move.Slot + i, page);
            _table.Set(page, PageEntry.Of(PageState.Limbo, move.Slot + i));
            if (!move.IsProbe)
            {
                QueueForEncryption(move.Slot + i);
            }
        }

        if (moved == 0 && result < 0)
        {
            HandleMoveError(move, (int)-result);
        }

        return moved;
    }

    private void HandleMoveError(Move move, int errno)
    {
        PageNumber page = move.First;
        switch (errno)
        {
            case Libc.EAGAIN:
                break; // the layout is changing: later
            case Libc.ENOENT when _table[page].State == PageState.Clear:
                _table.Set(page, default); // not there any more
                break;
            case Libc.EEXIST:
                _slots!.Spoil(move.Slot, move.Count); // mlockall(2) fills staging too: to be dropped first
                break;
            case Libc.EBUSY:
                NoteBusy(page, move.Count);
                break;
            case Libc.EINVAL:
                ExcludeVmaOf(page);
                break;
            case Libc.ESRCH:
                IsGone = true;
                break;
            default:
                Condemn($"page 0x{page.Value:x} cannot be moved to staging (errno {errno})");
                break;
        }
    }

    private void QueueForEncryption(int slot)
    {
        if (!_isQueued[slot])
        {
            _isQueued[slot] = true;
            _queuedSlots++;
        }
    }

    private void EncryptAllStaged()
    {
        for (int slot = 0; _slots is not null && slot < AgentLayout.SlotCount; slot++)
        {
            if (_slots.StateOf(slot) == SlotState.Full)
            {
                QueueForEncryption(slot);
            }
        }

        while (_queuedSlots > 0 && Verdict is null)
        {
            EncryptSome(EncryptAtOnce);
        }
    }

    // Reads a run of queued slots into the bounce buffer and encrypts what still is in Limbo.
    private void EncryptSome(int limit)
    {
        int first = Array.IndexOf(_isQueued, true);
        int count = 0;
        while (count < limit && first + count < _isQueued.Length && _isQueued[first + count])
        {
            _isQueued[first + count] = false;
            _queuedSlots--;
            if (_slots!.StateOf(first + count) != SlotState.Full)
            {
                break; // rescued or dropped since it was queued
            }

            count++;
        }

        if (count == 0)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        Span<byte> plaintext = _context.Bounce[..(count << PageNumber.Shift)];
        if (Agent!.Memory.ReadAt(plaintext, (long)Agent.SlotAddress(first)) != plaintext.Length)
        {
            Condemn("its staging area was changed from inside");
            return;
        }

        long read = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            Encrypt(first + i, plaintext.Slice(i << PageNumber.Shift, PageNumber.SizeBytes));
        }

        CryptographicOperations.ZeroMemory(plaintext);
        _context.Statistics.Sealing.Read += read - start;
        _context.Statistics.Sealing.Encrypt += Stopwatch.GetTimestamp() - read;
    }

    private void Encrypt(int slot, ReadOnlySpan<byte> plaintext)
    {
        PageNumber page = _slots!.PageOf(slot);
        PageEntry entry = plaintext.IndexOfAnyExcept((byte)0) < 0
            ? PageEntry.Of(PageState.SealedZero)
            : PageEntry.Of(PageState.Sealed, DomainOf(page).Seal(plaintext));
        _table.Set(page, entry);
        _slots.Soil(slot);
        _context.Statistics.SealedPages++;
    }

    // Overwrites and drops the pages of dirty slots. Staging is not registered while they are dropped: the kernel would report the dropping
    // as an event, and the agent would wait for its reading, for ever if the pager died. A fault in staging can only come from a target
    // that meddles. Not awaited: the pager encrypts the next pages meanwhile, or answers faults.
    private void SendDrop()
    {
        AgentMessage message = Agent!.Message;
        message.Clear();
        Span<byte> register = stackalloc byte[32];
        AgentMessage.WriteRegister(register, Agent.Staging);
        ulong argument = message.AddData(register);
        _ = message.Add(SystemCall.Munlock, Agent.Staging.Start.Value, Agent.Staging.LengthBytes); // mlockall(2): locked pages are not dropped
        _ = message.Add(SystemCall.Ioctl, (ulong)Agent.RemoteUffd, Libc.UFFDIO_UNREGISTER, argument);
        int slot = 0;
        for (int runs = 0; runs < MaxDropRuns; runs++)
        {
            int count = _slots!.FindRun(SlotState.Dirty, slot, AgentLayout.SlotCount, out slot);
            if (count == 0)
            {
                break;
            }

            AddDrop(message, slot, count);
            slot += count;
        }

        _ = message.Add(SystemCall.Ioctl, (ulong)Agent.RemoteUffd, Libc.UFFDIO_REGISTER, argument);
        _isDropping = Agent.TrySend();
        if (!_isDropping)
        {
            Condemn("its agent was killed");
        }
    }

    private void FinishDrop()
    {
        _isDropping = false;
        AgentMessage message = Agent!.Message;
        for (int call = 0; call < message.CallCount; call++)
        {
            if (message.Result(call) != 0)
            {
                Condemn($"its agent could not drop staging pages (errno {-message.Result(call)})");
                return;
            }
        }

        _slots!.FreeDropped();
        _context.Statistics.Sealing.Drop += Stopwatch.GetTimestamp() - Agent.SentAt;
    }

    // A page that the target lent to a pipe or a socket is still to be read from there, and no count that user space can read tells: so
    // nothing is overwritten once some program of the tree lends pages. The kernel zeroes what it frees when booted with init_on_free=1.
    private void AddDrop(AgentMessage message, int slot, int count)
    {
        ulong address = Agent!.SlotAddress(slot);
        ulong bytes = (ulong)count << PageNumber.Shift;
        if (_context.MayWipeStaging)
        {
            message.AddWipe(address, bytes);
            _context.Statistics.WipedPages += count;
        }

        _ = message.Add(SystemCall.Madvise, address, bytes, Libc.MADV_DONTNEED);
        for (int i = slot; i < slot + count; i++)
        {
            _slots!.Drop(i);
        }
    }

    // Breaks copy-on-write sharing that kept pages from being moved. Not awaited either: the agent may meet a sealed page and wait for it.
    private void SendUnshare()
    {
        AgentMessage message = Agent!.Message;
        message.Clear();
        message.IsAside = true;
        AddUnshareCalls(message);
        if (!Agent.TrySend())
        {
            Condemn("its agent was killed");
        }
    }

    /// <summary>A planned move of pages to slots.</summary>
    private readonly record struct Move(PageNumber First, int Count, int Slot, bool IsProbe);
}
