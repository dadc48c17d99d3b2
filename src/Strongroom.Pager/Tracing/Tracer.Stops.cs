using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <content>What each report of waitpid(2) means and what the thread does next.</content>
internal sealed partial class Tracer
{
    private void Handle(WaitResult result)
    {
        if (!_threads.TryGetValue(result.ThreadId, out TracedThread? thread))
        {
            HandleUnknown(result);
            return;
        }

        if (thread.Watched is not null && result.Kind is WaitKind.SignalStop or WaitKind.EventStop or WaitKind.InterruptStop)
        {
            thread.Watched.Abandon(thread.Tid);
            thread.Watched = null;
        }

        switch (result.Kind)
        {
            case WaitKind.SignalStop when result.Signal == Libc.SIGSYS && thread.IsStrict:
                EndStrict(thread);
                break;
            case WaitKind.SignalStop:
                RestartIfIgnored(thread, result.Signal);
                GoOn(thread, result.Signal);
                break;
            case WaitKind.EventStop when result.Event == Libc.PTRACE_EVENT_EXEC:
                HandleExec(thread);
                break;
            case WaitKind.EventStop:
                HandleNewTask(thread, result.Event);
                break;
            case WaitKind.InterruptStop:
                HandleInterruptStop(thread, result.Signal);
                break;
            case WaitKind.CallStop:
                thread.Watched = thread.Watched?.HandleCallStop(thread.Tid);
                GoOn(thread, 0);
                break;
            case WaitKind.Exited:
                HandleEnd(thread, result.ExitCode);
                break;
            case WaitKind.Killed:
                HandleEnd(thread, 128 + result.Signal);
                break;
            default:
                break;
        }
    }

    // The first stop of a new thread mostly comes before its parent's report of it: of what has stopped, waitpid gives the newest first.
    private void HandleUnknown(WaitResult result)
    {
        if (result.Kind is WaitKind.Exited or WaitKind.Killed)
        {
            _ = _earlyStops.Remove(result.ThreadId);
            _ = _earlyEnds.Add(result.ThreadId);
        }
        else if (_earlyStops.Add(result.ThreadId))
        {
            _unclaimed.Enqueue(result.ThreadId);
        }
    }

    // The parent's report never comes if the parent is killed. So when nothing else is reported, /proc is asked who it is, which takes
    // as long as all the rest of a fork.
    private void LookUpUnclaimed()
    {
        while (_unclaimed.TryDequeue(out int tid))
        {
            int group = _earlyStops.Contains(tid) ? ProcessTable.ThreadGroupOf(tid) : 0;
            int maker = group == tid ? ProcessTable.ParentOf(group) : group;
            if (_processes.TryGetValue(maker, out TracedProcess? process))
            {
                _ = _earlyStops.Remove(tid);
                Introduce(tid, process, isThread: group != tid);
                HandleFirstStop(_threads[tid]);
            }
        }
    }

    private void HandleNewTask(TracedThread parent, int happened)
    {
        if (Tracee.TryGetEventMessage(parent.Tid, out int tid) && !_threads.ContainsKey(tid) && !_earlyEnds.Remove(tid))
        {
            bool isThread = happened == Libc.PTRACE_EVENT_CLONE && ProcessTable.ThreadGroupOf(tid) == parent.Process.Pid;
            Introduce(tid, parent.Process, isThread);
            if (_earlyStops.Remove(tid))
            {
                HandleFirstStop(_threads[tid]);
            }
        }

        GoOn(parent, 0);
    }

    // A stop for another reason takes an interrupt that was under way with it (kernel/signal.c, ptrace_stop: any trap clears a pending STOP
    // trap). It is mostly met where a thread is inside fork or clone: without another, who asked for it would wait for ever.
    private static void GoOn(TracedThread thread, int signal)
    {
        if (thread.IsAwaited || thread.Process.Memory.IsHeld)
        {
            _ = Tracee.Interrupt(thread.Tid);
        }

        _ = thread.Continue(signal); // false: killed; its end is reported
    }

    // Of a thread that is not traced, what is ignored is dropped before the thread is woken (kernel/signal.c, sig_ignored). Of one that is, it
    // interrupts calls that end with EINTR whatever the handler: they are made again, once. And it cuts transfers short; but a broken pipe and
    // the limit of a file's size do that themselves, with a signal of theirs, and would send it again for the rest.
    private static void RestartIfIgnored(TracedThread thread, int signal)
    {
        if (!Tracee.TryGetRegisters(thread.Tid, out user_regs_struct registers) || !Injector.IsDisturbed(registers)
            || (signal is Libc.SIGPIPE or Libc.SIGXFSZ && ShortTransfer.IsShort(registers)))
        {
            return;
        }

        ulong ignored = ProcessTable.IgnoredBy(thread.Tid);
        if (((ignored >> (signal - 1)) & 1) != 0)
        {
            thread.Restore(registers);
            thread.Watched ??= QuietWait.TryBegin(thread.Tid, registers, ignored);
        }
    }

    private void Introduce(int tid, TracedProcess maker, bool isThread)
    {
        TracedProcess process = maker;
        if (!isThread)
        {
            bool isShared = ProcessTable.ShareMemory(maker.Pid, tid);
            _ = isShared ? 0 : System.Threading.Interlocked.Increment(ref _untold);
            process = AddProcess(tid, isShared ? maker.Memory : new TargetMemory(tid, maker.Memory));
            process.Memory.AddUser(tid);
        }

        AddThread(tid, process);
    }

    private void HandleInterruptStop(TracedThread thread, int signal)
    {
        Settle(thread);
        if (signal is Libc.SIGSTOP or Libc.SIGTSTP or Libc.SIGTTIN or Libc.SIGTTOU)
        {
            _ = Tracee.Listen(thread.Tid);
            if (thread.Tid == _rootPid)
            {
                // The shell waits for the pager, so the pager stops with its program. SIGCONT reaches both.
                StopSelf();
            }
        }
        else if (!thread.IsStarted)
        {
            HandleFirstStop(thread);
        }
        else if (thread.Call is not null)
        {
            CarryOutCall(thread);
        }
        else if (thread.Pending is not null && !ProcessTable.AwaitsFaultSignal(thread.Tid))
        {
            AttachRequest request = thread.Pending;
            thread.Pending = null;
            Attach(request, thread.Tid);
        }
        else if (thread.Process.Memory.IsHeld)
        {
            thread.IsHeld = true;
        }
        else
        {
            new Injector(thread, _reports).LetGo(); // what is pending yet is asked for again at its signal's stop
        }
    }

    // A child of a target that has an agent waits, stopped, until it has its own: before that nothing but the pager would hold its
    // userfaultfd, and the death of the pager would show it zero pages.
    private void HandleFirstStop(TracedThread thread)
    {
        thread.IsStarted = true;
        TargetMemory memory = thread.Process.Memory;
        if (thread.Tid != memory.Pid || memory.IsTold)
        {
            _ = Tracee.Continue(thread.Tid, 0);
            return;
        }

        memory.IsTold = true;
        if (memory.Parent is { IsAttached: true })
        {
            memory.IsAttached = true;
            _tell(new MemoryForked(memory, thread.Tid, SmapsReader.ReadCovered(thread.Tid)));
        }
        else
        {
            _tell(new MemoryBorn(memory, 0));
            _ = Tracee.Continue(thread.Tid, 0);
        }

        _ = System.Threading.Interlocked.Decrement(ref _untold);
    }

    private void HandleExec(TracedThread thread)
    {
        TracedProcess process = thread.Process;
        foreach (int tid in process.Threads)
        {
            ForgetThread(tid); // the first thread too: it may have been another than the one that goes on
        }

        process.Threads.Clear();
        AddThread(process.Pid, process);
        ThreadCount--; // the same thread goes on
        _threads[process.Pid].IsStarted = true;

        // Of a child that ends after its parent executed a program the kernel sends SIGCHLD, whatever the child was made with (kernel/signal.c,
        // do_notify_parent: parent_exec_id). The new program must not see its agent's: it begins when that has ended.
        bool mustWait = process.Memory.IsAttached && process.Memory.UserCount == 1;
        LeaveMemory(process);
        process.Memory = new TargetMemory(process.Pid, null) { IsTold = true };
        _tell(new MemoryBorn(process.Memory, mustWait ? process.Pid : 0));
        if (!mustWait)
        {
            _ = Tracee.Continue(process.Pid, 0);
        }
    }

    private void HandleEnd(TracedThread thread, int status)
    {
        TracedProcess process = thread.Process;
        ForgetThread(thread.Tid);
        _ = process.Threads.Remove(thread.Tid);
        if (thread.Tid == _rootPid)
        {
            ExitStatus = status;
        }

        if (process.Threads.Count == 0)
        {
            _ = _processes.Remove(process.Pid);
            Agents.RemoveAllOf(process.Pid);
            _ = System.Threading.Interlocked.Decrement(ref _liveProcesses);
            LeaveMemory(process);
        }
    }

    private void ForgetThread(int tid)
    {
        if (!_threads.Remove(tid, out TracedThread? thread))
        {
            return;
        }

        Settle(thread);
        thread.Call?.Abandon();
        if (thread.Pending is not null)
        {
            _tell(new AttachDone(thread.Pending, null, null, null));
        }
    }

    private void LeaveMemory(TracedProcess process)
    {
        TargetMemory memory = process.Memory;
        memory.RemoveUser(process.Pid);
        if (memory.UserCount == 0)
        {
            _ = memory.IsTold ? 0 : System.Threading.Interlocked.Decrement(ref _untold);
            _tell(new MemoryGone(memory));
        }
        else if (memory.Pid == process.Pid)
        {
            foreach (int user in memory.Users)
            {
                memory.Pid = user;
            }
        }
    }

    private static void StopSelf() => _ = Libc.syscall(Libc.SYS_kill, System.Environment.ProcessId, Libc.SIGSTOP, 0, 0, 0, 0);
}
