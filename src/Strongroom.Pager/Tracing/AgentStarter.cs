using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager.Tracing;

/// <summary>Gives a target its agent, by calls injected into one of its stopped threads. Runs on the tracer thread.</summary>
internal sealed class AgentStarter
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivateAnonymousNoReserve = 0x2 | 0x20 | 0x4000;
    private const int MapFixedNoReplace = 0x100000;
    private const int PlaceAttempts = 9;
    private const string UffdDevice = "/dev/userfaultfd";
    private const ulong UffdFlags = Libc.O_CLOEXEC | Libc.O_NONBLOCK;
    private const ulong LowestPlace = 0x2000_0000_0000;
    private const int PlaceShift = 14; // 31 random bits: up to 32 TiB above
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly int _tid;
    private readonly int _process;
    private readonly AgentRegistry _agents;
    private readonly Injector _injector;
    private readonly int _ownFilters;
    private readonly TracedThread _thread;
    private ArgumentMover? _arguments;

    /// <summary>Prepares the start.</summary>
    /// <param name="thread">A stopped thread of the target.</param>
    /// <param name="reports">Keeps what is reported meanwhile.</param>
    /// <param name="agents">Where the agent is noted, and those that the process had before.</param>
    /// <param name="ownFilters">How many seccomp filters are the pager's own, which let all that an agent does pass.</param>
    internal AgentStarter(TracedThread thread, TraceReports reports, AgentRegistry agents, int ownFilters)
    {
        _thread = thread;
        _process = thread.Process.Pid;
        _agents = agents;
        _ownFilters = ownFilters;
        _tid = thread.Tid;
        _injector = new Injector(thread, reports);
    }

    /// <summary>Gets why the start failed; null when the target is simply gone.</summary>
    internal string? Refusal
    {
        get;
        private set => field = value is null || _injector.IsGone() ? null : value;
    }

    /// <summary>Starts the agent and lets the thread go on, whatever comes of it.</summary>
    /// <param name="inherited">After a fork, the child's userfaultfd; null makes a new one.</param>
    /// <param name="uffd">The userfaultfd, new or inherited.</param>
    /// <returns>The agent, or null.</returns>
    internal AgentLink? TryStart(Userfaultfd? inherited, out Userfaultfd? uffd)
    {
        uffd = inherited;
        bool isFiltered = ProcessTable.IsFilteredByItself(_tid, _ownFilters);
        if (isFiltered
            && AgentCalls.WhatIsForbidden(_tid, _ownFilters) is { } forbidden)
        {
            Refusal = $"it {forbidden}";
            _injector.LetGo();
            return null;
        }

        // (What a forked child's children are to be in, it is in itself.)
        if (inherited is null && ProcessTable.HasUnshared(_tid))
        {
            Refusal = "it unshared its PID namespace, whose first process its agent would be";
            _injector.LetGo();
            return null;
        }

        if (!_injector.TryBegin(out string? refusal))
        {
            Refusal = refusal;
            _injector.LetGo();
            return null;
        }

        AgentLink? agent = null;
        try
        {
            agent = Inject(mayMoveArguments: inherited is null && !isFiltered);
            if (agent is null || TrySetUp(agent, ref uffd))
            {
                agent?.MaySetArguments = !isFiltered;
                return agent;
            }
        }
        catch (KernelException e)
        {
            Refusal = e.Message; // out of descriptors or memory here, or the agent died under our hands
        }
        finally
        {
            _injector.End();
        }

        agent?.Dispose();
        if (inherited is null)
        {
            uffd?.Dispose();
            uffd = null;
        }

        return null;
    }

    private AgentLink? Inject(bool mayMoveArguments)
    {
        OwnedDescriptor? memory = OwnedDescriptor.TryOpen($"/proc/{_tid}/mem", Libc.O_RDWR, out int errno);
        if (memory is null)
        {
            Refusal = errno == Libc.ENOENT ? null : $"its memory cannot be opened (errno {errno})";
            return null;
        }

        if (!SyscallFinder.TryFind(_tid, memory, out ulong address))
        {
            Refusal = "no syscall instruction was found in it";
            memory.Dispose();
            return null;
        }

        _injector.SyscallAddress = address;
        _agents.Reap(_injector, _process);
        _arguments = mayMoveArguments ? ArgumentMover.TryFind(_thread, _injector) : null;
        ulong areaBytes = AgentLayout.AreaBytes + (ulong)(_arguments?.AreaBytes ?? 0);
        long area = MapArea(areaBytes);
        if (area <= 0)
        {
            Refusal = $"no address space for the agent (errno {-area})";
            memory.Dispose();
            return null;
        }

        if (_arguments?.TryCopy(memory, (ulong)area + AgentLayout.AreaBytes) == false)
        {
            _arguments = null; // they were unmapped
        }

        return StartIn((ulong)area, areaBytes, memory);
    }

    // Somewhere at random between 32 and 64 TiB, where the kernel places nothing: a program that unmapped memory may map something at that
    // very address later. Sanitizers keep shadows there, so it is tried several times, and at last wherever there is room.
    private long MapArea(ulong bytes)
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        long area = 0;
        for (int i = 0; i < PlaceAttempts && area <= 0; i++)
        {
            KernelRandom.Fill(random);
            bool isLast = i == PlaceAttempts - 1;
            ulong place = isLast ? 0 : LowestPlace + ((ulong)(BinaryPrimitives.ReadUInt32LittleEndian(random) >> 1) << PlaceShift);
            int flags = isLast ? MapPrivateAnonymousNoReserve : MapPrivateAnonymousNoReserve | MapFixedNoReplace;
            area = _injector.Call(Libc.SYS_mmap, place, bytes, ProtReadWrite, (ulong)flags, ulong.MaxValue, 0);
        }

        return area;
    }

    private AgentLink? StartIn(ulong area, ulong areaBytes, OwnedDescriptor memory)
    {
        _ = memory.WriteAt(AgentProgram.Code, (long)area);
        long result = _injector.Call(Libc.SYS_mprotect, area, PageNumber.SizeBytes, ProtReadExecute);
        if (result == 0)
        {
            _injector.SyscallAddress = area; // the code's first instruction is the clone's syscall
            int parent = ProcessTable.InnerIdOf(_process); // 0: killed, and the clone fails too
            result = _injector.Call(Libc.SYS_clone, AgentCalls.CloneFlags, 0, rbx: area + AgentLayout.MessageOffset, r12: (ulong)parent);
        }

        if (result <= 0)
        {
            Refusal = $"no agent process (errno {-result})";
            _injector.SyscallAddress = area;
            _ = _injector.Call(Libc.SYS_munmap, area, areaBytes); // best effort: the area is unused address space
            memory.Dispose();
            return null;
        }

        result = ProcessTable.ChildByInnerId(_tid, (int)result);
        PidDescriptor? process = null;
        if (result != 0)
        {
            _agents.Add((int)result, _process);
            process = PidDescriptor.TryOpen((int)result);
        }

        if (process is null || !WaitUntilReady(memory, area))
        {
            Refusal = "the agent did not start";
            process?.Dispose();
            memory.Dispose();
            return null;
        }

        // A thread of real-time priority that waits for the pager in the kernel with a signal pending does so busily: an agent bound to the
        // same processor would never run.
        Scheduling.MakeOrdinary((int)result);
        PacketSocket socket = new(process.CopyDescriptor(1));
        return new AgentLink((int)result, area, socket, process, memory, _agents.WaitPass);
    }

    private static bool WaitUntilReady(OwnedDescriptor memory, ulong area)
    {
        Span<byte> word = stackalloc byte[4];
        int attempt = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_patience)
        {
            if (memory.ReadAt(word, (long)area + AgentLayout.MessageOffset + AgentLayout.ReadyOffset) != 4)
            {
                return false;
            }

            int ready = BinaryPrimitives.ReadInt32LittleEndian(word);
            if (ready != 0)
            {
                return ready == 1;
            }

            Pause(attempt++);
        }

        return false;
    }

    // It takes some tens of microseconds on an idle processor; on a busy one it needs ours.
    private static void Pause(int attempt)
    {
        if (attempt < 20)
        {
            _ = Thread.Yield();
        }
        else
        {
            Scheduling.Sleep(TimeSpan.FromMicroseconds(50));
        }
    }

    // In one message, because each costs two switches between processes.
    private bool TrySetUp(AgentLink agent, ref Userfaultfd? uffd)
    {
        agent.Pipe = PagePipe.Make(out OwnedDescriptor writingEnd);
        using OwnedDescriptor pipe = writingEnd;
        AgentMessage message = agent.Message;
        message.Clear();
        _ = message.Add(Libc.SYS_close, 1);
        _ = message.Add(Libc.SYS_chdir, message.AddData("/\0"u8));
        _ = message.Add(Libc.SYS_prctl, Libc.PR_SET_NAME, message.AddData("strongroom-agt\0"u8));
        (int first, int last) = AddSetUpOfMemory(agent);
        _arguments?.AddTo(message);
        int receivePipe = message.AddReceive();
        int getUffd = uffd is null ? message.Add(Libc.SYS_userfaultfd, UffdFlags) : message.AddReceive();
        if (!(uffd is null ? agent.TryExchange(pipe) : agent.TryExchange(pipe, uffd)))
        {
            Refusal = "its agent ended";
            return false;
        }

        for (int call = first; call <= last; call++)
        {
            if (message.Result(call) != 0)
            {
                Refusal = $"its agent's memory could not be set up (errno {-message.Result(call)})";
                return false;
            }
        }

        bool isNew = uffd is null;
        agent.Arguments = _arguments?.ResultOf(message);
        agent.RemotePipe = Take(message, receivePipe);
        return agent.RemotePipe >= 0
            && TryGetUffd(agent, getUffd, ref uffd)
            && TryRegister(uffd!, agent.Staging)
            && (!isNew || TryRegister(uffd!, AddressRange.FromLength(new(agent.Area.Start.Value + AgentLayout.TagOffset), PageNumber.SizeBytes)))
            && (_arguments is null || agent.Arguments is not null || TryDropArguments(agent));
    }

    // The kernel does not show the copy: it is in clear for nothing.
    private bool TryDropArguments(AgentLink agent)
    {
        agent.Message.Clear();
        _ = agent.Message.Add(Libc.SYS_munmap, agent.Area.End.Value, (ulong)_arguments!.AreaBytes);
        return agent.TryExchange();
    }

    // Returns the first and the last of the calls that must succeed.
    private static (int First, int Last) AddSetUpOfMemory(AgentLink agent)
    {
        ulong area = agent.Area.Start.Value;
        AgentMessage message = agent.Message;
        _ = message.Add(Libc.SYS_munlock, area, AgentLayout.AreaBytes); // mlockall(MCL_FUTURE) locks and fills it
        _ = message.Add(Libc.SYS_madvise, agent.Staging.Start.Value, agent.Staging.LengthBytes, Libc.MADV_DONTNEED);
        int first = message.Add(Libc.SYS_madvise, area, AgentLayout.TagOffset, Libc.MADV_DONTFORK);
        _ = message.Add(Libc.SYS_madvise, agent.Staging.Start.Value, agent.Staging.LengthBytes, Libc.MADV_DONTFORK);
        _ = message.Add(Libc.SYS_madvise, area + AgentLayout.TagOffset, PageNumber.SizeBytes, Libc.MADV_WIPEONFORK);
        _ = message.Add(Libc.SYS_mprotect, area + AgentLayout.TagOffset, PageNumber.SizeBytes, Libc.PROT_READ);
        return (first, message.Add(Libc.SYS_madvise, area, AgentLayout.AreaBytes, Libc.MADV_DONTDUMP));
    }

    // Before the thread goes on: once something is registered the kernel reports every fork, so that none can be missed.
    private bool TryRegister(Userfaultfd uffd, AddressRange range)
    {
        int errno = uffd.Register(range);
        Refusal = errno == 0 ? null : $"its agent's memory cannot be registered (errno {errno})";
        return errno == 0;
    }

    // After a fork the agent has received the child's; otherwise it has made one.
    private bool TryGetUffd(AgentLink agent, int call, ref Userfaultfd? uffd)
    {
        if (uffd is not null)
        {
            agent.RemoteUffd = Take(agent.Message, call);
            return agent.RemoteUffd >= 0;
        }

        int fd = (int)agent.Message.Result(call);
        fd = fd is -Libc.EPERM or -Libc.ENOSYS ? MakeUffdByDevice(agent, -fd) : fd;
        if (fd < 0)
        {
            Refusal ??= $"userfaultfd is refused to it (errno {-fd})";
            return false;
        }

        agent.RemoteUffd = fd;
        uffd = new Userfaultfd(agent.CopyDescriptor(fd));
        uffd.Handshake();
        return true;
    }

    // Returns the number in the agent's table of what it received, or -1.
    private int Take(AgentMessage message, int receive)
    {
        long result = message.Result(receive);
        Refusal = result < 0 ? $"a descriptor could not be passed to its agent (errno {-result})" : null;
        return result < 0 ? -1 : message.ReceivedDescriptor(receive);
    }

    // A program that gave its privileges up and executed another since may not make one, and in a container it is refused; but the device
    // asks nobody who holds it (fs/userfaultfd.c, userfaultfd_dev_ioctl). Its agent holds it for two calls.
    private int MakeUffdByDevice(AgentLink agent, int refusal)
    {
        using OwnedDescriptor? device = OwnedDescriptor.TryOpen(UffdDevice, Libc.O_RDWR, out int errno);
        if (device is null)
        {
            Refusal = $"userfaultfd is refused to it (errno {refusal}), and {UffdDevice} to its pager (errno {errno})"
                + (refusal == Libc.EPERM ? "; vm.unprivileged_userfaultfd=1 allows it" : "");
            return -Libc.EPERM;
        }

        int remote = agent.Pass(device);
        if (remote < 0)
        {
            Refusal = $"{UffdDevice} could not be passed to its agent (errno {-remote})";
            return remote;
        }

        AgentMessage message = agent.Message;
        message.Clear();
        int make = message.Add(Libc.SYS_ioctl, (ulong)remote, Libc.USERFAULTFD_IOC_NEW, UffdFlags);
        _ = message.Add(Libc.SYS_close, (ulong)remote);
        if (!agent.TryExchange())
        {
            Refusal = "its agent ended";
            return -Libc.ESRCH;
        }

        return (int)message.Result(make);
    }
}
