using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace Strongroom.Pager.Tracing;

/// <summary>The memory (the kernel's mm_struct) of one or more target processes, from fork or exec to the last user's end.</summary>
/// <remarks>More than one process uses it between vfork or clone(CLONE_VM) and the exec that follows.</remarks>
internal sealed class TargetMemory
{
    private int _pid;
    private int _userCount;

    /// <summary>Makes the memory of a new process.</summary>
    /// <param name="pid">Its first user.</param>
    /// <param name="parent">What it was forked from, or null after exec.</param>
    internal TargetMemory(int pid, TargetMemory? parent)
    {
        Pid = pid;
        Parent = parent;
        BornAt = Stopwatch.GetTimestamp();
        AddUser(pid);
    }

    /// <summary>Gets the processes that use it. Guarded by: tracer thread only.</summary>
    internal HashSet<int> Users { get; } = [];

    /// <summary>Gets how many <see cref="Users"/> there are. Atomic.</summary>
    internal int UserCount => Volatile.Read(ref _userCount);

    /// <summary>Gets or sets one of the users. Atomic.</summary>
    internal int Pid
    {
        get => Volatile.Read(ref _pid);
        set => Volatile.Write(ref _pid, value);
    }

    /// <summary>Gets what it was forked from, or null after exec.</summary>
    internal TargetMemory? Parent { get; }

    /// <summary>Gets the <see cref="Stopwatch"/> time at which it began.</summary>
    internal long BornAt { get; }

    /// <summary>Gets or sets a value indicating whether it has or had an agent, so that its forks may have to be adopted. Tracer
    /// thread only.</summary>
    internal bool IsAttached { get; set; }

    /// <summary>Gets or sets a value indicating whether the pager was told of it. Tracer thread only.</summary>
    internal bool IsTold { get; set; }

    /// <summary>Gets or sets what the pager knows of it once attached. Pager thread only.</summary>
    internal AddressSpace? Space { get; set; }

    /// <summary>Gets or sets a value indicating whether the tracer was asked to attach. Pager thread only.</summary>
    internal bool IsAttachPending { get; set; }

    /// <summary>Gets or sets a value indicating whether a call was let pass because there was no agent. It may still be on its way when there
    /// is one. Pager thread only.</summary>
    internal bool HasPassedCall { get; set; }

    /// <summary>Gets or sets a value indicating whether the tracer was asked to see its threads outside madvise. Pager thread only.</summary>
    internal bool IsQuiescePending { get; set; }

    /// <summary>Gets or sets the <see cref="Stopwatch"/> time since which something has waited for its layout to settle; 0 for nothing. Pager
    /// thread only.</summary>
    internal long UnsettledSince { get; set; }

    /// <summary>Gets or sets how many times the tracer was asked to hold its threads for that. Pager thread only.</summary>
    internal int Holds { get; set; }

    /// <summary>Gets or sets a value indicating whether threads that stop are to be held. Tracer thread only.</summary>
    internal bool IsHeld { get; set; }

    /// <summary>Gets or sets about how many times it was forked in the last second. Pager thread only.</summary>
    internal double RecentForks { get; set; }

    /// <summary>Gets or sets why it could not be attached, or null. Pager thread only.</summary>
    internal string? Refusal { get; set; }

    /// <summary>Gets or sets a value indicating whether all its users have ended. Pager thread only.</summary>
    internal bool IsGone { get; set; }

    /// <summary>Gets or sets a value indicating whether its users are being killed. Pager thread only.</summary>
    internal bool IsCondemned { get; set; }

    /// <summary>Gets or sets the number by which epoll knows it; 0 when it is not watched. Pager thread only.</summary>
    internal ulong Token { get; set; }

    /// <summary>Notes one more process that uses it. Tracer thread only.</summary>
    internal void AddUser(int pid)
    {
        _ = Users.Add(pid);
        Volatile.Write(ref _userCount, Users.Count);
    }

    /// <summary>Notes that a process does not use it any more. Tracer thread only.</summary>
    internal void RemoveUser(int pid)
    {
        _ = Users.Remove(pid);
        Volatile.Write(ref _userCount, Users.Count);
    }
}
