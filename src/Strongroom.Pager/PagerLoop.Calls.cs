using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Pager.Calls;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>Calls of programs that concern their memory.</content>
internal sealed partial class PagerLoop
{
    private void HandleMemoryCall(MemoryCall call)
    {
        TargetMemory? memory = _memories.Find(each => each.Pid == call.ProcessId)
            ?? _memories.Find(each => ProcessTable.ShareMemory(each.Pid, call.ProcessId));
        if (memory is null || memory.IsCondemned || memory.IsGone || memory.Refusal is not null)
        {
            call.Finish(Errno.ENOSYS); // left in clear: the reason is in the report
        }
        else if (memory.Space is { Agent: not null } space)
        {
            space.Queue(call);
        }
        else if (!call.WantsAgent || memory.Pid != call.ProcessId)
        {
            memory.HasPassedCall = true;
            call.Finish(Errno.ENOSYS); // the agent of a memory is a child of the process that it was made for, and ends with it
        }
        else if (memory.IsAttachPending)
        {
            _tracer.Post(new CallRequest(call.Repeat()));
        }
        else
        {
            memory.IsAttachPending = true;
            _tracer.Post(new AttachRequest(memory, null, 0) { Caller = call.Repeat() });
        }
    }

    private List<AddressSpace> LookedAt()
    {
        List<AddressSpace> spaces = [];
        foreach (TargetMemory memory in _memories)
        {
            if (memory.Space is { } space)
            {
                space.FollowVmas();
                spaces.Add(space);
            }
        }

        return spaces;
    }

    // Keys that were retired after the last news were looked at, and calls that came too late.
    private void EndCalls()
    {
        while (_news.TryDequeue(out TracerNews? news))
        {
            if (news is KeyRetired retired)
            {
                retired.Domain.Retire();
            }
            else if (news is MemoryCalled called)
            {
                called.Call.Finish(Errno.ENOSYS);
            }
            else if (news is EventsAwaited awaited)
            {
                awaited.Then();
            }
        }
    }
}
