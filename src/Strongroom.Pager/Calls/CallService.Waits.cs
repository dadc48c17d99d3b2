using System.Collections.Generic;
using System.Linq;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>What a program does to its children: it must not find its agent among them.</content>
internal sealed partial class CallService
{
    private void WaitForChild(WaitingCall call)
    {
        int process = ProcessTable.ThreadGroupOf(call.ThreadId);
        IReadOnlyList<int> agents = _tracer.Agents.Of(process);
        if (agents.Any(ProcessTable.IsZombie))
        {
            _tracer.Post(new CallRequest(new ReapingCall(this, call, process)));
        }
        else if (ChildWait.Of(call).FindsOnlyAgents(process, call.ThreadId, agents))
        {
            Finish(call, -Libc.ECHILD);
        }
        else
        {
            LetPass(call);
        }
    }

    // An agent blocks all signals but these two. Who sends them to whatever is a child (`pkill -9 -P PID`) does not mean the process that
    // the agent works for. From another PID namespace the number is somebody else's.
    private void SendSignal(WaitingCall call)
    {
        int receiver = unchecked((int)call.A);
        if (_tracer.Agents.Contains(receiver) && ProcessTable.InnerIdOf(call.ThreadId) == call.ThreadId)
        {
            Finish(call, Errno.None);
        }
        else
        {
            LetPass(call);
        }
    }

    /// <summary>A wait that might be answered with an agent that has ended: it is made again when there is none.</summary>
    private sealed class ReapingCall : StoppedCall
    {
        private readonly AgentRegistry _agents;
        private readonly int _process;

        internal ReapingCall(CallService service, WaitingCall call, int process)
            : base(service._listener!, call)
        {
            _agents = service._tracer.Agents;
            _process = process;
        }

        internal override bool HasCalls => true;

        internal override long? Run(Injector injector)
        {
            _agents.Reap(injector, _process);
            return null;
        }
    }
}
