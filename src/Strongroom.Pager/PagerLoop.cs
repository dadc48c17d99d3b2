using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <summary>The pager thread: answers faults and events, seals what is idle or too much, and keeps the books.</summary>
/// <remarks>
/// One thread owns every address space of the tree, so none of it needs a lock. Faults come first: all other work is done in slices of
/// some tens of microseconds between two looks at the queues. Files: News (what the tracer reports), Window (when to seal), Hold, Wait.
/// </remarks>
internal sealed partial class PagerLoop : IDisposable
{
    private const int EventsAtOnce = 64;
    private const int ReadsAtOnce = 16;
    private const ulong WakeToken = ulong.MaxValue;

    private readonly PagerContext _context;
    private readonly Tracer _tracer;
    private readonly ConcurrentQueue<TracerNews> _news;
    private readonly EventDescriptor _wake;
    private readonly Epoll _epoll = new();
    private readonly epoll_event[] _ready = new epoll_event[EventsAtOnce];
    private readonly Random _random = new();
    private readonly List<TargetMemory> _memories = [];
    private readonly Dictionary<ulong, TargetMemory> _byToken = [];
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private ulong _nextToken = 2;
    private int _workHand;
    private bool _isOver;

    /// <summary>Prepares the loop.</summary>
    /// <param name="context">What the tree shares.</param>
    /// <param name="tracer">Who to ask for agents.</param>
    /// <param name="news">What the tracer has to tell.</param>
    /// <param name="wake">Signalled when there is news.</param>
    internal PagerLoop(
        PagerContext context,
        Tracer tracer,
        ConcurrentQueue<TracerNews> news,
        EventDescriptor wake)
    {
        _context = context;
        _tracer = tracer;
        _news = news;
        _wake = wake;
        _epoll.Add(wake, WakeToken);
    }

    /// <summary>Runs until the tree has ended.</summary>
    internal void Run()
    {
        long nextTick = Stopwatch.GetTimestamp();
        while (!_isOver)
        {
            long now = Stopwatch.GetTimestamp();
            if (now >= nextTick)
            {
                Tick();

                // A look at the whole tree should take a twentieth of the time at most, but not be put off for long. Of tens of thousands of
                // VMAs it takes longer than that: half of the time is for faults and events even then.
                long period = (long)(_context.TickLength.TotalSeconds * Stopwatch.Frequency);
                long cost = Stopwatch.GetTimestamp() - now;
                nextTick = now + Math.Max(Math.Max(period, cost * 2), Math.Min(cost * 20, period * 8));
            }

            _isUnsettled = RetryUnsettled();
            bool isBusy = DoWork(); // in the same tick as what follows: see MustFaultsWait
            int wait = isBusy ? 0 : (int)Math.Max(0, ((nextTick - now) * 1000 / Stopwatch.Frequency) + 1);
            int count = Wait(Math.Min(wait, WaitForReport(now)));
            _quietSince = count > 0 ? 0 : _quietSince;
            Dispatch(count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TargetMemory memory in _memories)
        {
            memory.Space?.Dispose();
        }

        foreach (AddressSpace orphan in _context.Orphans)
        {
            orphan.Dispose();
        }

        _treeKeys?.Release();
        foreach (KeyedFile file in _context.Files.Values)
        {
            file.Dispose();
        }

        EndCalls();
        _epoll.Dispose();
    }

    // Not always in the order in which epoll tells: of memories that all have faults waiting it is the same each time, and the first one's faults
    // may fill what room there is in the window.
    private void Dispatch(int count)
    {
        int first = count > 1 ? _random.Next(count) : 0;
        for (int i = 0; i < count; i++)
        {
            ulong token = _ready[(first + i) % count].data;
            if (token == WakeToken)
            {
                _wake.Reset();
                HandleNews();
            }
            else if (_byToken.TryGetValue(token & ~1ul, out TargetMemory? memory) && memory.Space is { } space)
            {
                if ((token & 1) == 0)
                {
                    HandleMessages(space);
                }
                else if (space.Agent is not null)
                {
                    space.HandleAgentReply();
                }

                CarryOutVerdict(memory);
            }
        }
    }

    // A program on the same processor has its next fault ready by the time it lets this thread go on, so that is looked for without
    // asking epoll. Not for ever: others have faults too. What is left unread epoll tells again: it is level-triggered.
    private void HandleMessages(AddressSpace space)
    {
        for (int reads = 0; reads < ReadsAtOnce && !MustFaultsWait() && space.HandleMessages(); reads++)
        {
        }
    }

    // One slice of work for one address space, and what the window demands. True: there is more to do at once.
    private bool DoWork()
    {
        bool isBusy = false;
        for (int i = 0; i < _memories.Count; i++)
        {
            TargetMemory memory = _memories[_workHand = (_workHand + 1) % _memories.Count];
            if (memory.Space is not { Verdict: null, IsGone: false } space)
            {
                continue;
            }

            if (space.IsUnsettled && space.HandleMessages())
            {
                _quietSince = 0;
            }

            HoldIfUnsettled(memory, space);
            if (space.WantsFiles)
            {
                space.ServeFiles();
                isBusy |= space.WantsFiles;
            }

            if (space.HasCalls)
            {
                isBusy |= space.TryServeCall();
            }

            if (space.HasWork)
            {
                space.Work();
                isBusy = true;
            }
            else if (space.HasColdRegions && space.CanMove)
            {
                space.SealCold();
                isBusy = true;
            }

            if (space.IsAgentOverdue)
            {
                Kill(memory, "its agent does not answer");
            }

            _isUnsettled |= space.IsUnsettled;
            CarryOutVerdict(memory);
        }

        return KeepWindow() || isBusy;
    }

    private void CarryOutVerdict(TargetMemory memory)
    {
        if (memory.Space is { Verdict: { } reason })
        {
            Kill(memory, reason);
        }
    }

    private void Kill(TargetMemory memory, string reason)
    {
        if (memory.IsCondemned)
        {
            return;
        }

        memory.IsCondemned = true;
        if (ProcessTable.AnonymousBytes(memory.Pid) > 0)
        {
            // (One that has ended by itself takes its agent along, and is reported a moment later.)
            _context.Statistics.Killed.Add($"Process {memory.Pid} was killed: {reason}.");
        }

        StopWatching(memory);
        _tracer.Post(new KillRequest(memory));
    }

    private void Watch(TargetMemory memory, Userfaultfd uffd)
    {
        memory.Token = _nextToken;
        _nextToken += 2;
        _byToken.Add(memory.Token, memory);
        _epoll.Add(uffd, memory.Token);
    }

    private void StopWatching(TargetMemory memory)
    {
        if (_byToken.Remove(memory.Token) && memory.Space is { } space)
        {
            _epoll.Remove(space.Uffd);
            if (space.Agent is { } agent)
            {
                _epoll.Remove(agent.Socket);
            }
        }
    }
}
