using System;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Sealing: pages in staging (Limbo) are encrypted into frames, and the staging pages are dropped.</content>
internal sealed partial class AddressSpace
{
    private const int EncryptAtOnce = 32;
    private const int MaxDropRuns = 26;
    private const int DropWhenDirty = 256;

    private readonly SealQueue _queue = new();
    private bool _isDropping;
    private StagingSlots? _slots;

    /// <summary>Gets a value indicating whether <see cref="Work"/> has something to do.</summary>
    internal bool HasWork => Agent is not null && (!_queue.IsEmpty
        || (!Agent.IsBusy && (MustDrop || _toUnshare.Count > 0)));

    /// <summary>Gets a value indicating whether sealing goes on here by itself, whether or not faults are answered meanwhile.</summary>
    internal bool IsSealing => Verdict is null && !IsGone
        && (!_queue.IsEmpty || _isDropping || (CanMove && (HasWork || FutileTick != _context.Tick)));

    /// <summary>Gets a value indicating whether the agent has not answered for so long that something is wrong with it.</summary>
    internal bool IsAgentOverdue =>
        Agent is { IsBusy: true } && Stopwatch.GetElapsedTime(Agent.SentAt) > AgentLink.Patience;

    // A full batch is dropped while the next one is encrypted: as long as there is a next one, it is moved first.
    private bool MustDrop
    {
        get
        {
            int dirty = _slots!.CountOf(SlotState.Dirty);
            return _queue.IsEmpty
                ? dirty > 0 && !(HasColdRegions && _slots.CountOf(SlotState.Free) >= AgentLayout.SealSlots)
                : dirty >= DropWhenDirty;
        }
    }

    /// <summary>Does a slice of the work that sealing takes: some tens of microseconds.</summary>
    internal void Work()
    {
        if (!_queue.IsEmpty)
        {
            EncryptSome();
        }

        if (Agent is not { IsBusy: false } || Verdict is not null)
        {
            return;
        }

        if (MustDrop)
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
        else
        {
            MoveUnshared();
        }
    }

    private void EncryptAllStaged()
    {
        for (int slot = 0; _slots is not null && slot < AgentLayout.SlotCount; slot++)
        {
            if (_slots.StateOf(slot) == SlotState.Full)
            {
                _queue.Add(slot);
            }
        }

        while (!_queue.IsEmpty && Verdict is null)
        {
            EncryptSome();
        }
    }

    // Reads pages of queued slots into the bounce buffer and encrypts them.
    private void EncryptSome()
    {
        long start = Stopwatch.GetTimestamp();
        Span<int> slots = stackalloc int[EncryptAtOnce];
        if (!TryReadQueued(ref slots, out ReadOnlySpan<byte> plaintext))
        {
            Condemn("its staging area was changed from inside");
            return;
        }

        long read = Stopwatch.GetTimestamp();
        for (int i = 0; i < slots.Length; i++)
        {
            if (slots[i] >= 0)
            {
                Encrypt(slots[i], plaintext.Slice(i << PageNumber.Shift, PageNumber.SizeBytes));
            }
        }

        _context.Statistics.Sealing.Read += read - start;
        _context.Statistics.Sealing.Encrypt += Stopwatch.GetTimestamp() - read;
    }

    // What is in the pipe was copied nowhere yet; what is not is read like a file, which fails at a missing page instead of waiting.
    private bool TryReadQueued(ref Span<int> slots, out ReadOnlySpan<byte> plaintext)
    {
        int piped = _queue.TakePiped(slots);
        slots = slots[..(piped > 0 ? piped : _queue.TakeRun(slots))];
        Span<byte> bounce = _context.Bounce.Take(slots.Length);
        int read = piped > 0 ? Agent!.Pipe!.Read(bounce) : Agent!.Memory.ReadAt(bounce, (long)Agent.SlotAddress(slots[0]));
        plaintext = bounce;
        return read == bounce.Length;
    }

    private void Encrypt(int slot, ReadOnlySpan<byte> plaintext)
    {
        PageNumber page = _slots!.PageOf(slot);
        KeepArguments(page, plaintext);
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
        _ = message.Add(Libc.SYS_munlock, Agent.Staging.Start.Value, Agent.Staging.LengthBytes); // mlockall(2): locked pages are not dropped
        _ = message.Add(Libc.SYS_ioctl, (ulong)Agent.RemoteUffd, Libc.UFFDIO_UNREGISTER, argument);
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

        _ = message.Add(Libc.SYS_ioctl, (ulong)Agent.RemoteUffd, Libc.UFFDIO_REGISTER, argument, f: _context.AgentPass);
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

        _ = message.Add(Libc.SYS_madvise, address, bytes, Libc.MADV_DONTNEED);
        for (int i = slot; i < slot + count; i++)
        {
            _slots!.Drop(i);
        }
    }
}
