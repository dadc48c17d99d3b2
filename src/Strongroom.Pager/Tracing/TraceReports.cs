using System.Collections.Generic;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>What waitpid(2) reports of the threads of the tree, each report once, in its order for each thread.</summary>
/// <remarks>
/// While one thread is waited for, all are collected: the kernel reports the end of a process's first thread, and lets a thread execute
/// a program, only after the ends of its other threads were collected. What was collected too early is kept here. A thread that stopped
/// reports again, without having been resumed, only when it was killed or another thread of its process executed a program and took its
/// number; its stop is then out of date and is dropped, for whoever acted on it would act on the new program. Tracer thread only.
/// </remarks>
internal sealed class TraceReports
{
    private readonly LinkedList<WaitResult> _kept = [];
    private readonly Dictionary<int, LinkedListNode<WaitResult>> _keptStops = [];

    /// <summary>Waits for the next report of any thread.</summary>
    /// <param name="block">False: only look whether there is one.</param>
    /// <returns>The report; <see cref="WaitKind.None"/> when there is none, or a signal cut the wait short.</returns>
    internal WaitResult Next(bool block)
    {
        WaitResult report = TakeKept() ?? Tracee.Wait(-1, block);
        if (!IsStop(report))
        {
            return report;
        }

        WaitResult newer = Tracee.Wait(report.ThreadId, block: false);
        return newer.Kind is WaitKind.None or WaitKind.NoChildren ? report : newer;
    }

    /// <summary>Waits for the next report of one thread, which is traced and runs, and keeps those of the others.</summary>
    /// <returns>The report; <see cref="WaitKind.NoChildren"/> when the thread is gone and its end was reported before.</returns>
    internal WaitResult NextOf(int tid)
    {
        WaitResult report;
        while ((report = Tracee.Wait(-1, block: true)).ThreadId != tid && report.Kind != WaitKind.NoChildren)
        {
            Keep(report);
        }

        return report;
    }

    /// <summary>Looks whether a stopped thread is gone: killed, or replaced by one that executed a program. Its report is kept.</summary>
    internal bool HasLeft(int tid)
    {
        WaitResult newer = Tracee.Wait(tid, block: false);
        Keep(newer);
        return newer.Kind != WaitKind.None;
    }

    /// <summary>Keeps a report for <see cref="Next"/>.</summary>
    internal void Keep(WaitResult report)
    {
        if (report.Kind is WaitKind.None or WaitKind.NoChildren)
        {
            return;
        }

        if (_keptStops.Remove(report.ThreadId, out LinkedListNode<WaitResult>? older))
        {
            _kept.Remove(older);
        }

        LinkedListNode<WaitResult> node = _kept.AddLast(report);
        if (IsStop(report))
        {
            _keptStops.Add(report.ThreadId, node);
        }
    }

    private static bool IsStop(WaitResult report) =>
        report.Kind is WaitKind.SignalStop or WaitKind.EventStop or WaitKind.InterruptStop or WaitKind.CallStop;

    private WaitResult? TakeKept()
    {
        if (_kept.First is not { } first)
        {
            return null;
        }

        _kept.RemoveFirst();
        if (IsStop(first.Value))
        {
            _ = _keptStops.Remove(first.Value.ThreadId);
        }

        return first.Value;
    }
}
