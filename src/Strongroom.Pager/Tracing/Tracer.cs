using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Follows every thread of the tree with ptrace(2), from one thread, because tracing is bound to the thread that began it.</summary>
/// <remarks>
/// Thread safety: <see cref="Post"/> from any thread; all else on the tracer thread. It never waits for the pager thread, so a target
/// that is stopped here may be waiting for the pager to read its events. Files: Stops (what each stop means), Attach.
/// </remarks>
internal sealed partial class Tracer : IDisposable
{
    private readonly ConcurrentQueue<TracerRequest> _requests = new();
    private readonly TraceReports _reports = new();
    private readonly Dictionary<int, TracedProcess> _processes = [];
    private readonly Dictionary<int, TracedThread> _threads = [];
    private readonly HashSet<int> _earlyStops = [];
    private readonly Queue<int> _unclaimed = new();
    private readonly HashSet<int> _earlyEnds = [];
    private readonly Action<TracerNews> _tell;
    private readonly ThreadBell _bell = new();
    private volatile int _rootPid;
    private int _liveProcesses;
    private int _untold;

    /// <summary>Prepares to trace.</summary>
    /// <param name="tell">Takes news to the pager thread; returns at once.</param>
    internal Tracer(Action<TracerNews> tell)
    {
        _tell = tell;
    }

    /// <summary>Gets the agents of the tree. Any thread.</summary>
    internal AgentRegistry Agents { get; } = new();

    /// <summary>Gets the program's process id; 0 before it runs.</summary>
    internal int RootPid => _rootPid;

    /// <summary>Gets the program's exit status as a shell would show it; -1 before it ended.</summary>
    internal int ExitStatus { get; private set; } = -1;

    /// <summary>Gets the errno with which the program could not be executed, or 0.</summary>
    internal int ExecErrno { get; private set; }

    /// <summary>Gets how many processes lived in the tree.</summary>
    internal long ProcessCount { get; private set; }

    /// <summary>Gets how many threads were traced.</summary>
    internal long ThreadCount { get; private set; }

    /// <summary>Gets how many processes live. Atomic.</summary>
    internal int LiveProcesses => _liveProcesses;

    /// <summary>Gets a value indicating whether there are memories that the pager was not told of yet. Atomic.</summary>
    internal bool HasUntold => Volatile.Read(ref _untold) != 0;

    /// <summary>Asks for something. Any thread; returns at once.</summary>
    internal void Post(TracerRequest request)
    {
        _requests.Enqueue(request);
        _bell.Ring();
    }

    /// <summary>Starts a program and follows it and all its descendants until the last has ended.</summary>
    /// <param name="launcher">The program, not started.</param>
    /// <param name="takeListener">Given the process and the number of the descriptor there that its filter's calls are read from; null when
    /// the launcher has no filter.</param>
    /// <param name="beforeExec">Told the process id while the program waits to be executed.</param>
    internal void Run(ChildLauncher launcher, Action<int, int>? takeListener, Action<int> beforeExec)
    {
        _bell.BindToThisThread();
        int pid = launcher.Start();
        _rootPid = pid;
        Tracee.Seize(pid);
        takeListener?.Invoke(pid, launcher.WaitForListener());
        beforeExec(pid);
        _ = Interlocked.Increment(ref _untold);
        TracedProcess root = AddProcess(pid, new TargetMemory(pid, null));
        AddThread(pid, root);
        launcher.Release();
        while (_threads.Count > 0)
        {
            _bell.Answer();
            CarryOutRequests();
            WaitResult result = _reports.Next(block: _unclaimed.Count == 0);
            if (result.Kind == WaitKind.NoChildren)
            {
                break;
            }

            if (result.Kind != WaitKind.None)
            {
                Handle(result);
            }
            else
            {
                LookUpUnclaimed();
            }
        }

        ExecErrno = launcher.ExecErrno;
        _bell.Unbind();
        _tell(new TreeEnded());
    }

    /// <summary>Says that the tree has ended before it began.</summary>
    internal void Abandon() => _tell(new TreeEnded());

    /// <inheritdoc/>
    public void Dispose() => _bell.Dispose();

    private TracedProcess AddProcess(int pid, TargetMemory memory)
    {
        TracedProcess process = new(pid, memory);
        _processes[pid] = process;
        ProcessCount++;
        _ = Interlocked.Increment(ref _liveProcesses);
        return process;
    }

    private void AddThread(int tid, TracedProcess process)
    {
        _threads[tid] = new TracedThread(tid, process);
        _ = process.Threads.Add(tid);
        ThreadCount++;
    }
}
