using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <content>System calls that are answered from within the calling thread.</content>
internal sealed partial class Tracer
{
    /// <summary>Gets or sets how many seccomp filters the program was put behind.</summary>
    internal int OwnFilters { get; set; }

    private void BeginCall(StoppedCall call)
    {
        if (_threads.TryGetValue(call.ThreadId, out TracedThread? thread) && Tracee.Interrupt(thread.Tid))
        {
            thread.Call = call;
            call.EndWait();
        }
        else
        {
            call.Refuse();
            call.Abandon();
        }
    }

    private bool TryInterrupt(AttachRequest request, StoppedCall caller)
    {
        if (!_threads.TryGetValue(caller.ThreadId, out TracedThread? thread) || thread.Pending is not null
            || !Tracee.Interrupt(thread.Tid))
        {
            return false;
        }

        thread.Pending = request;
        caller.EndWait();
        return true;
    }

    // An attach request that waits for this thread too was asked for by the same interrupt, so it needs another.
    private void CarryOutCall(TracedThread thread)
    {
        StoppedCall call = thread.Call!;
        thread.Call = null;
        Injector injector = new(thread.Tid, _unhandled);
        if (!call.HasCalls)
        {
            injector.LetGo();
        }
        else if (injector.TryBegin(out _))
        {
            try
            {
                injector.UseOwnInstruction();
                injector.Answer(call.Run(injector));
            }
            finally
            {
                injector.End();
            }
        }
        else
        {
            call.Abandon();
            injector.LetGo();
        }

        if (thread.Pending is not null)
        {
            _ = Tracee.Interrupt(thread.Tid); // false: gone; its end is reported
        }
    }
}
