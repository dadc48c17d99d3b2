using System.Collections.Generic;
using System.Linq;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>A wait for children whatever their end is told by (__WALL), or for those of which no SIGCHLD tells (__WCLONE); wait(2).</summary>
/// <remarks>
/// A plain wait does not see an agent, for which no signal is sent at its end. These do, and an agent never ends before its target: a
/// program that waits until it has no children would wait for ever.
/// </remarks>
/// <param name="Selection">Which children: P_ALL and so on.</param>
/// <param name="Id">A process or a process group, as the selection says.</param>
/// <param name="Options">The options.</param>
internal readonly record struct ChildWait(ChildSelection Selection, int Id, uint Options)
{
    private const uint NoThread = 0x2000_0000;      // __WNOTHREAD: only the calling thread's children
    private const uint AnyEnd = 0x4000_0000;        // __WALL
    private const uint WithoutSignal = 0x8000_0000; // __WCLONE

    /// <summary>Lets a filter report such waits.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="pass">The sixth argument of those that the pager makes, which are not reported.</param>
    internal static void AddTo(FilterProgram filter, ulong pass)
    {
        filter.OnBitsUnlessSixth(Libc.SYS_wait4, 2, AnyEnd | WithoutSignal, pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBitsUnlessSixth(Libc.SYS_waitid, 3, AnyEnd | WithoutSignal, pass, Libc.SECCOMP_RET_USER_NOTIF);
    }

    /// <summary>Tells whether a reported call is such a wait.</summary>
    internal static bool Concerns(long number) => number is Libc.SYS_wait4 or Libc.SYS_waitid;

    /// <summary>Reads the arguments of a reported call.</summary>
    internal static ChildWait Of(WaitingCall call)
    {
        int first = unchecked((int)call.A);
        if (call.Number == Libc.SYS_waitid)
        {
            return new((ChildSelection)first, unchecked((int)call.B), unchecked((uint)call.D));
        }

        uint options = unchecked((uint)call.C);
        return first switch
        {
            -1 => new(ChildSelection.Any, 0, options),
            > 0 => new(ChildSelection.Process, first, options),
            int.MinValue => new((ChildSelection)(-1), 0, options), // refused by the kernel (ESRCH)
            _ => new(ChildSelection.Group, -first, options),
        };
    }

    /// <summary>Tells whether the kernel would find nothing to wait for but agents.</summary>
    /// <param name="process">The caller's process.</param>
    /// <param name="thread">The calling thread.</param>
    /// <param name="agents">The agents that are children of the process.</param>
    /// <remarks>Reads /proc; true only if it is sure. What the caller traces counts as its children.</remarks>
    internal bool FindsOnlyAgents(int process, int thread, IReadOnlyList<int> agents)
    {
        ChildWait wait = this;
        return Selection switch
        {
            ChildSelection.Process => agents.Any(agent => ProcessTable.InnerIdOf(agent) == wait.Id),
            ChildSelection.Any or ChildSelection.Group => agents.Count > 0
                && !Parents(process, thread).SelectMany(parent => ProcessTable.ChildrenOf(process, parent))
                    .Except(agents).Any(child => wait.MayConcern(process, child))
                && !ProcessTable.IsTracer(process),
            _ => false,
        };
    }

    private IEnumerable<int> Parents(int process, int thread) =>
        (Options & NoThread) != 0 ? [thread] : ThreadList.Of(process);

    private bool MayConcern(int process, int child)
    {
        // Groups are compared as they are seen from here: a caller in a PID namespace of its own names them otherwise.
        bool isInGroup = Selection == ChildSelection.Any
            || (Id == 0 ? ProcessTable.GroupOf(child) == ProcessTable.GroupOf(process) : ProcessTable.InnerGroupOf(child) == Id);
        return isInGroup && ((Options & AnyEnd) != 0 || ProcessTable.ExitSignalOf(child) != Libc.SIGCHLD);
    }
}

/// <summary>Which children a wait is for; the numbers of waitid(2)'s idtype_t.</summary>
internal enum ChildSelection
{
    /// <summary>P_ALL.</summary>
    Any = 0,

    /// <summary>P_PID.</summary>
    Process = 1,

    /// <summary>P_PGID; 0 is the caller's own.</summary>
    Group = 2,
}
