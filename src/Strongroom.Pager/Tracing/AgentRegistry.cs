using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Linq;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Which children of the processes of the tree are agents, or were: an agent that has ended stays a child, as a zombie.</summary>
/// <remarks>Thread safety: any thread.</remarks>
internal sealed class AgentRegistry
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<int, ImmutableArray<int>> _byParent = new();

    /// <summary>Gets the sixth argument, at which the kernel does not look, of the pager's own waits for them. Immutable.</summary>
    internal ulong WaitPass { get; } = KernelRandom.NextUInt64();

    /// <summary>Notes an agent.</summary>
    /// <param name="agent">Its process.</param>
    /// <param name="parent">The process whose child it is.</param>
    internal void Add(int agent, int parent) => _ = _byParent.AddOrUpdate(parent, [agent], (_, others) => others.Add(agent));

    /// <summary>Forgets the agents of a process that has ended: somebody else's children now, who reaps them.</summary>
    internal void RemoveAllOf(int parent) => _ = _byParent.TryRemove(parent, out _);

    /// <summary>Waits, in a stopped thread, for the agents of its process that have ended: no signal told the program, so nobody else does.</summary>
    /// <param name="injector">Begun, with an instruction to make calls with.</param>
    /// <param name="parent">The thread's process.</param>
    internal void Reap(Injector injector, int parent)
    {
        const ulong NoHang = 1;
        const ulong All = 0x4000_0000; // __WALL
        foreach (int agent in Of(parent))
        {
            int innerId = ProcessTable.InnerIdOf(agent);
            if (innerId == 0 || injector.Call(Libc.SYS_wait4, (ulong)innerId, 0, NoHang | All, 0, 0, WaitPass) is not 0)
            {
                _ = _byParent.AddOrUpdate(parent, [], (_, all) => all.Remove(agent));
            }
        }
    }

    /// <summary>Waits, for a moment, until the agents of a process have ended. Those of a large memory take it down first.</summary>
    /// <param name="parent">The process, which is stopped.</param>
    internal void AwaitEnds(int parent)
    {
        long start = Stopwatch.GetTimestamp();
        while (Of(parent).Any(ProcessTable.IsAlive) && Stopwatch.GetElapsedTime(start) < s_patience)
        {
            Scheduling.Sleep(TimeSpan.FromMicroseconds(50));
        }
    }

    /// <summary>Tells whether a process is an agent.</summary>
    internal bool Contains(int process) => _byParent.Values.Any(agents => agents.Contains(process));

    /// <summary>Lists the agents that are children of a process.</summary>
    internal IReadOnlyList<int> Of(int parent) => _byParent.TryGetValue(parent, out ImmutableArray<int> agents) ? agents : [];
}
