using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <content>Stopping the threads that change a memory's layout, for the moment that the pager needs.</content>
internal sealed partial class Tracer
{
    // A thread that sleeps in another system call changes nothing.
    private void Hold(TargetMemory memory)
    {
        memory.IsHeld = true;
        foreach (TracedThread thread in _threads.Values)
        {
            if (thread.Process.Memory == memory && thread is { IsStarted: true, IsHeld: false } && ProcessTable.MayChangeLayout(thread.Tid))
            {
                _ = Tracee.Interrupt(thread.Tid); // false: gone; its end is reported
            }
        }
    }

    private void EndHold(TargetMemory memory)
    {
        memory.IsHeld = false;
        foreach (TracedThread thread in _threads.Values)
        {
            if (thread.IsHeld && thread.Process.Memory == memory)
            {
                thread.IsHeld = false;
                new Injector(thread, _reports).LetGo();
            }
        }
    }
}
