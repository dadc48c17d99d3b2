using System.Linq;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager.Tracing;

/// <content>Giving a memory its agent.</content>
internal sealed partial class Tracer
{
    private void CarryOutRequests()
    {
        while (_requests.TryDequeue(out TracerRequest? request))
        {
            switch (request)
            {
                case KillRequest kill:
                    Kill(kill.Memory);
                    break;
                case ReleaseRequest release:
                    Agents.AwaitEnds(release.HeldThread);
                    _ = Tracee.Continue(release.HeldThread, 0); // false: gone
                    break;
                case QuiesceRequest quiesce:
                    Quiesce(quiesce);
                    break;
                case HoldRequest hold:
                    Hold(hold.Memory);
                    break;
                case GoOnRequest goOn:
                    EndHold(goOn.Memory);
                    break;
                case CallRequest call:
                    BeginCall(call.Call);
                    break;
                case AttachRequest { HeldThread: not 0 } attach:
                    AttachHeld(attach);
                    break;
                case AttachRequest attach when !TryInterrupt(attach):
                    attach.Caller?.Refuse();
                    _tell(new AttachDone(attach, null, null, null));
                    break;
                default:
                    break;
            }
        }
    }

    // A thread that sleeps in another system call is not in madvise. One that runs, or is in madvise, is stopped for a moment: a stop
    // is only made on the way out of the kernel.
    private void Quiesce(QuiesceRequest request)
    {
        request.Outstanding = 1;
        foreach (TracedThread thread in _threads.Values)
        {
            if (thread.Process.Memory == request.Memory && thread.IsStarted
                && ProcessTable.MayBeInMadvise(thread.Tid) && Tracee.Interrupt(thread.Tid))
            {
                Settle(thread);
                thread.Quiescing = request;
                request.Outstanding++;
            }
        }

        Settle(request);
    }

    private void Settle(TracedThread thread)
    {
        QuiesceRequest? request = thread.Quiescing;
        thread.Quiescing = null;
        if (request is not null)
        {
            Settle(request);
        }
    }

    private void Settle(QuiesceRequest request)
    {
        if (--request.Outstanding == 0)
        {
            _tell(new Quiesced(request));
        }
    }

    private static void Kill(TargetMemory memory)
    {
        foreach (int pid in memory.Users)
        {
            _ = Libc.syscall(Libc.SYS_kill, pid, Libc.SIGKILL, 0, 0, 0, 0); // ESRCH: it ended meanwhile
        }
    }

    private void AttachHeld(AttachRequest request)
    {
        if (!_threads.ContainsKey(request.HeldThread))
        {
            _tell(new AttachDone(request, null, null, null));
        }
        else
        {
            Attach(request, request.HeldThread);
        }
    }

    // Stops some thread of the process. The first that is free does; the leader may have ended before the others.
    private bool TryInterrupt(AttachRequest request)
    {
        if (!_processes.TryGetValue(request.Memory.Pid, out TracedProcess? process) || process.Memory != request.Memory)
        {
            return false;
        }

        if (request.Caller is { } caller)
        {
            return TryInterrupt(request, caller);
        }

        foreach (int tid in process.Threads.OrderBy(tid => tid != process.Pid))
        {
            TracedThread thread = _threads[tid];
            if (thread.IsStarted && thread.Pending is null && ProcessTable.HasMemory(tid) && Tracee.Interrupt(tid))
            {
                thread.Pending = request;
                return true;
            }
        }

        return false;
    }

    private void Attach(AttachRequest request, int tid)
    {
        AgentStarter starter = new(_threads[tid], _reports, Agents, OwnFilters);
        AgentLink? agent = starter.TryStart(request.Inherited?.Uffd, out Userfaultfd? uffd);
        request.Memory.IsAttached |= agent is not null;
        _tell(new AttachDone(request, agent, uffd, starter.Refusal));
    }
}
