using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <content>System calls that are answered from within the calling thread.</content>
internal sealed partial class Tracer
{
    /// <summary>Gets or sets how many seccomp filters the program was put behind.</summary>
    internal int OwnFilters { get; set; }

    private void BeginCall(StoppedCall call)
    {
        if (_threads.TryGetValue(call.ThreadId, out TracedThread? thread) && Tracee.Interrupt(thread.Tid) && call.EndWait())
        {
            thread.Call = call;
        }
        else
        {
            call.Refuse();
            call.Abandon();
        }
    }

    // A thread in strict mode made another call: it ends as the kernel would end it, alone and without a signal handler's say.
    private static void EndStrict(TracedThread thread)
    {
        if (thread.Process.Threads.Count > 1 && Tracee.TryGetRegisters(thread.Tid, out user_regs_struct registers))
        {
            registers.rax = Libc.SYS_exit;
            registers.orig_rax = ulong.MaxValue;
            registers.rip -= 2; // the syscall instruction
            _ = Tracee.TrySetRegisters(thread.Tid, registers); // false: gone
            _ = Tracee.Continue(thread.Tid, 0);
        }
        else
        {
            _ = Tracee.Continue(thread.Tid, Libc.SIGKILL);
        }
    }

    private bool TryInterrupt(AttachRequest request, StoppedCall caller)
    {
        if (!_threads.TryGetValue(caller.ThreadId, out TracedThread? thread) || thread.Pending is not null
            || !Tracee.Interrupt(thread.Tid) || !caller.EndWait())
        {
            return false;
        }

        thread.Pending = request;
        return true;
    }

    // An attach request that waits for this thread too was asked for by the same interrupt, so it needs another.
    private void CarryOutCall(TracedThread thread)
    {
        StoppedCall call = thread.Call!;
        thread.Call = null;
        Injector injector = new(thread, _reports);
        if (!call.HasCalls)
        {
            injector.LetGo();
        }
        else if (injector.TryBegin(out _))
        {
            try
            {
                injector.UseOwnInstruction();
                long? result = call.Run(injector);
                thread.IsStrict |= call is Calls.StrictCall && result == 0;
                if (result is { } answer)
                {
                    injector.Answer(answer);
                }
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
