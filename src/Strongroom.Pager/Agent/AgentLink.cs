using System;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Agent;

/// <summary>The pager's side of one agent: its socket, its process, and its view of the target's memory.</summary>
/// <remarks>Owned by one address space. Made on the tracer thread, then touched by the pager thread alone.</remarks>
internal sealed class AgentLink : IDisposable
{
    /// <summary>How long an agent may take to answer before its target is ended.</summary>
    internal static TimeSpan Patience { get; } = TimeSpan.FromSeconds(10);

    private readonly PacketSocket _socket;
    private readonly PidDescriptor _process;

    /// <summary>Takes over what belongs to an agent that has said it is ready.</summary>
    /// <param name="processId">The agent's process.</param>
    /// <param name="area">First address of its memory in the target.</param>
    /// <param name="socket">Its socket.</param>
    /// <param name="process">Its pidfd.</param>
    /// <param name="memory">/proc/PID/mem of the target's memory, which stays the same memory whatever the target execs.</param>
    /// <param name="waitPass">What lets the agent's waits through the filter.</param>
    internal AgentLink(int processId, ulong area, PacketSocket socket, PidDescriptor process, OwnedDescriptor memory, ulong waitPass)
    {
        ProcessId = processId;
        Area = AddressRange.FromLength(new VirtualAddress(area), AgentLayout.AreaBytes);
        _socket = socket;
        _process = process;
        Memory = memory;
        Message = new AgentMessage(area + AgentLayout.MessageOffset, waitPass);
    }

    /// <summary>Gets the agent's process id; /proc/PID of it shows the target's memory.</summary>
    internal int ProcessId { get; }

    /// <summary>Gets its memory in the target.</summary>
    internal AddressRange Area { get; }

    /// <summary>Gets the staging slots.</summary>
    internal AddressRange Staging => new(new(Area.Start.Value + AgentLayout.StagingOffset), Area.End);

    /// <summary>Gets the target's memory for reading. Unlike process_vm_readv(2) it fails at a missing page instead of waiting.</summary>
    internal OwnedDescriptor Memory { get; }

    /// <summary>Gets the message under construction, and after a reply its results.</summary>
    internal AgentMessage Message { get; }

    /// <summary>Gets or sets the number of the userfaultfd in the agent's descriptor table.</summary>
    internal int RemoteUffd { get; set; }

    /// <summary>Gets or sets the pipe through which the agent lends staging pages; set before it is used for the first time.</summary>
    internal PagePipe? Pipe { get; set; }

    /// <summary>Gets or sets the number of the pipe's other end in the agent's descriptor table.</summary>
    internal int RemotePipe { get; set; }

    /// <summary>Gets or sets the copy of the arguments that was made with it; null for none. Set before it is used for the first time.</summary>
    internal ArgumentCopy? Arguments { get; set; }

    /// <summary>Gets or sets a value indicating whether it may call prctl(PR_SET_MM): a filter of the program's own might kill for that.</summary>
    internal bool MaySetArguments { get; set; }

    /// <summary>Gets a value indicating whether a message was sent whose reply has not come.</summary>
    internal bool IsBusy { get; private set; }

    /// <summary>Gets the <see cref="Stopwatch"/> time at which the last message was sent.</summary>
    internal long SentAt { get; private set; }

    /// <summary>Gets the socket, to wait for replies on.</summary>
    internal OwnedDescriptor Socket => _socket;

    /// <summary>Gets the address of a staging slot in the target.</summary>
    internal ulong SlotAddress(int slot) =>
        Area.Start.Value + AgentLayout.StagingOffset + ((ulong)slot << PageNumber.Shift);

    /// <summary>Sends the message.</summary>
    /// <returns>False when the agent is gone.</returns>
    internal bool TrySend()
    {
        SentAt = Stopwatch.GetTimestamp();
        IsBusy = _socket.Send(Message.Bytes) == 0;
        return IsBusy;
    }

    /// <summary>Waits for the reply to the message sent.</summary>
    /// <returns>False when the agent is gone or silent for longer than <see cref="Patience"/>.</returns>
    internal bool TryAwait()
    {
        bool isAnswered = _socket.ReceiveWithin(Message.Buffer, Patience) > 0;
        IsBusy = false;
        return isAnswered;
    }

    /// <summary>Sends the message with descriptors behind it, and waits for the reply.</summary>
    /// <param name="passed">One for each <see cref="AgentMessage.AddReceive"/> of the message, in the same order.</param>
    /// <returns>False when the agent is gone or silent for longer than <see cref="Patience"/>.</returns>
    internal bool TryExchange(params ReadOnlySpan<OwnedDescriptor> passed)
    {
        bool isSent = TrySend();
        foreach (OwnedDescriptor descriptor in passed)
        {
            isSent = isSent && _socket.Send([0], descriptor) == 0;
        }

        return isSent && TryAwait();
    }

    /// <summary>Gives the agent a copy of a descriptor, as the only call of a message.</summary>
    /// <returns>Its number in the agent's table, or a negative errno: -ESRCH when the agent is gone or silent.</returns>
    internal int Pass(OwnedDescriptor descriptor)
    {
        Message.Clear();
        int receive = Message.AddReceive();
        return !TryExchange(descriptor) ? -Libc.ESRCH
            : Message.Result(receive) < 0 ? (int)Message.Result(receive)
            : Message.ReceivedDescriptor(receive);
    }

    /// <summary>Copies a descriptor of the agent into this process.</summary>
    /// <exception cref="KernelException">The agent is gone or the table full.</exception>
    internal int CopyDescriptor(int remote) => _process.CopyDescriptor(remote);

    /// <summary>Takes the reply if it has come.</summary>
    /// <param name="isGone">True when the agent has ended.</param>
    internal bool TryReceive(out bool isGone)
    {
        int n = _socket.Receive(Message.Buffer);
        isGone = n == 0 || (n < 0 && n != -Libc.EAGAIN);
        IsBusy = IsBusy && n <= 0;
        return n > 0;
    }

    /// <summary>Ends the agent and lets go of the target's memory.</summary>
    public void Dispose()
    {
        _ = _process.Send(9); // false: it has ended already
        _process.Dispose();
        _socket.Dispose();
        Pipe?.Dispose();
        Memory.Dispose();
    }
}
