using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>What the tracer thread reports: memories that begin, fork, get their agents and end.</content>
internal sealed partial class PagerLoop
{
    private readonly List<KeyDomain> _keys = [];
    private readonly Queue<MemoryForked> _unsettled = new();
    private readonly SortedSet<int> _freeKeyIds = [];
    private KeyDomain? _treeKeys;
    private int _highestKeyId;

    /// <summary>Gets every key of the run, destroyed or not.</summary>
    internal IReadOnlyList<KeyDomain> AllKeys => _keys;

    /// <summary>Gets how many memories got an agent.</summary>
    internal long AttachedCount { get; private set; }

    private void HandleNews()
    {
        while (_news.TryDequeue(out TracerNews? news))
        {
            switch (news)
            {
                case MemoryBorn born:
                    _memories.Add(born.Memory);
                    if (born.Memory.Parent is { } parent)
                    {
                        parent.RecentForks++;
                    }

                    if (born.HeldThread != 0)
                    {
                        _tracer.Post(new ReleaseRequest(born.Memory, born.HeldThread)); // what it had before is gone by now, and its agent told to end
                    }

                    break;
                case MemoryForked forked:
                    HandleForked(forked);
                    break;
                case AttachDone done:
                    HandleAttached(done);
                    break;
                case Quiesced quiesced:
                    quiesced.Request.Memory.IsQuiescePending = false;
                    quiesced.Request.Memory.Space?.Reprieve(quiesced.Request.Epoch);
                    break;
                case MemoryGone gone:
                    HandleGone(gone.Memory);
                    break;
                case MemoryCalled called:
                    HandleMemoryCall(called.Call);
                    break;
                case EventsAwaited awaited:
                    awaited.Then();
                    break;
                case SpacesAsked asked:
                    asked.Look(LookedAt());
                    break;
                case KeyRetired retired:
                    retired.Domain.Retire();
                    break;
                case TreeEnded:
                    _isOver = true;
                    break;
                default:
                    Invariant.Fail($"unknown news {news.GetType().Name}");
                    break;
            }
        }
    }

    // Children whose parent has a change of layout from before the fork to report, which concerns them too. They are held meanwhile.
    private bool RetryUnsettled()
    {
        for (int i = _unsettled.Count; i > 0; i--)
        {
            HandleForked(_unsettled.Dequeue());
        }

        return _unsettled.Count > 0;
    }

    // The child's own tag page says which of the address spaces that fork events brought is its own. The event was read before the child
    // could run, so a child without one was forked before its parent's memory was registered: it starts anew, like its parent did.
    private void HandleForked(MemoryForked forked)
    {
        TargetMemory memory = forked.Memory;
        AddressSpace? space = FindOrphan(memory);
        if (space is { IsElderSettled: false } && !memory.IsGone)
        {
            _unsettled.Enqueue(forked);
            return;
        }

        _memories.Add(memory);
        if (space is not null)
        {
            _ = _context.Orphans.Remove(space);
            space.Settle(forked.Covered);
            space.Memory = memory;
            memory.Space = space;
            memory.IsAttachPending = true;
            Watch(memory, space.Uffd);
            _tracer.Post(new AttachRequest(memory, space, forked.HeldThread));
        }
        else if (_context.Orphans.Exists(orphan => !orphan.IsTagged))
        {
            Kill(memory, "its parent's memory was forked in a way that could not be followed");
        }
        else
        {
            _tracer.Post(new ReleaseRequest(memory, forked.HeldThread));
        }
    }

    private AddressSpace? FindOrphan(TargetMemory memory)
    {
        using OwnedDescriptor? file = OwnedDescriptor.TryOpen($"/proc/{memory.Pid}/mem", 0, out _);
        Span<byte> bytes = stackalloc byte[16];
        foreach (AddressSpace orphan in _context.Orphans)
        {
            if (file?.ReadAt(bytes, (long)orphan.TagAddress) == bytes.Length && BitConverter.ToUInt128(bytes) == orphan.Tag)
            {
                return orphan;
            }
        }

        return null;
    }

    private void HandleAttached(AttachDone done)
    {
        TargetMemory memory = done.Request.Memory;
        memory.IsAttachPending = false;
        if (done.Agent is null || memory.IsGone)
        {
            Abandon(done);
            return;
        }

        if (memory.Space is null)
        {
            memory.Space = new AddressSpace(
                _context, done.Uffd!, NewKeys(), done.Agent.Area.Start.Value + AgentLayout.TagOffset)
            {
                Memory = memory,
            };
            Watch(memory, memory.Space.Uffd);
        }

        memory.Space.Adopt(done.Agent);
        if (memory.HasPassedCall)
        {
            memory.Space.ExposeAll();
        }

        AttachedCount++;
        _epoll.Add(done.Agent.Socket, memory.Token | 1);
    }

    private void Abandon(AttachDone done)
    {
        TargetMemory memory = done.Request.Memory;
        done.Agent?.Dispose();
        if (done.Request.Inherited is null)
        {
            done.Uffd?.Dispose();
            memory.Refusal = done.Refusal;
            if (done.Refusal is not null)
            {
                _ = _context.Statistics.Remarks.Add($"A process was left in clear: {done.Refusal}.");
            }
        }
        else if (!memory.IsGone)
        {
            // (If it is gone, its address space went with it.)
            ReleaseUncovered(memory, done.Request.Inherited, done.Refusal ?? "its agent could not be started");
        }
    }

    // Without an agent nothing would keep its sealed pages from reading as zero if the pager died: they are put back, and it goes on in
    // clear. The userfaultfd stays open until the process is gone if that fails, so that it never reads zeros.
    private void ReleaseUncovered(TargetMemory memory, AddressSpace space, string refusal)
    {
        if (!space.TryOpenAll())
        {
            Kill(memory, refusal);
            return;
        }

        StopWatching(memory);
        memory.Space = null;
        space.Dispose();
        memory.Refusal = refusal;
        _ = _context.Statistics.Remarks.Add($"A process was left in clear: {refusal}.");
    }

    private void HandleGone(TargetMemory memory)
    {
        memory.IsGone = true;
        StopWatching(memory);
        _ = _memories.Remove(memory);
        if (memory.Space is { } space)
        {
            memory.Space = null;
            space.Dispose();
            if (space.Keys.IsDestroyed)
            {
                _ = _freeKeyIds.Add(space.Keys.KeyId.Value);
            }
        }
    }

    // KeyIDs are given lowest free first, from 1.
    private KeyDomain NewKeys()
    {
        if (_treeKeys is not null)
        {
            return _treeKeys.Share();
        }

        int number = _freeKeyIds.Count > 0 ? _freeKeyIds.Min : ++_highestKeyId;
        _ = _freeKeyIds.Remove(number);
        KeyDomain keys = new(new KeyId((ushort)number), _context.Options.Algorithm, _context.Pool);
        _keys.Add(keys);
        if (_context.Options.KeyPer == KeyScope.Tree)
        {
            _treeKeys = keys.Share(); // one use of its own, so that it outlives every process
        }

        return keys;
    }
}
