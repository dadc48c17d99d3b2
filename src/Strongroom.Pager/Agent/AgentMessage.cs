using System;
using System.Buffers.Binary;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Agent;

/// <summary>A message to an agent as it is written, and its reply as it is read. Reused; allocates nothing.</summary>
internal sealed class AgentMessage
{
    private readonly byte[] _bytes = new byte[AgentLayout.MessageBytes];
    private readonly ulong _remoteAddress;
    private readonly ulong _waitPass;
    private readonly int[] _controls = new int[AgentLayout.MaxCalls]; // of each call that receives, where its control message lies
    private int _dataBytes;

    /// <summary>Makes an empty message.</summary>
    /// <param name="remoteAddress">Where the agent's message pages lie in the target.</param>
    /// <param name="waitPass">What lets the agent's waits through the filter.</param>
    internal AgentMessage(ulong remoteAddress, ulong waitPass)
    {
        _remoteAddress = remoteAddress;
        _waitPass = waitPass;
    }

    /// <summary>Gets how many calls it holds.</summary>
    internal int CallCount { get; private set; }

    /// <summary>Gets or sets a value indicating whether the calls may meet a sealed page and wait for it. The agent leaves them to a child.</summary>
    internal bool IsAside { get; set; }

    /// <summary>Gets a value indicating whether another call fits.</summary>
    internal bool HasRoom => CallCount < AgentLayout.MaxCalls;

    /// <summary>Gets the whole buffer, to receive a reply into.</summary>
    internal Span<byte> Buffer => _bytes;

    /// <summary>Gets the bytes to send.</summary>
    internal ReadOnlySpan<byte> Bytes
    {
        get
        {
            BinaryPrimitives.WriteInt32LittleEndian(_bytes, CallCount);
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(AgentLayout.AsideOffset), IsAside ? 1 : 0);
            BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(AgentLayout.WaitPassOffset), _waitPass);
            return _bytes.AsSpan(0, AgentLayout.DataOffset + _dataBytes);
        }
    }

    /// <summary>Empties it.</summary>
    internal void Clear()
    {
        CallCount = 0;
        IsAside = false;
        _dataBytes = 0;
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(AgentLayout.FailuresOffset), 0);
    }

    /// <summary>Adds a system call.</summary>
    /// <returns>Its index, for <see cref="Result"/>.</returns>
    internal int Add(long number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        Span<byte> call = _bytes.AsSpan(AgentLayout.CallsOffset + (CallCount * AgentLayout.CallBytes), AgentLayout.CallBytes);
        BinaryPrimitives.WriteInt64LittleEndian(call, number);
        BinaryPrimitives.WriteUInt64LittleEndian(call[8..], a);
        BinaryPrimitives.WriteUInt64LittleEndian(call[16..], b);
        BinaryPrimitives.WriteUInt64LittleEndian(call[24..], c);
        BinaryPrimitives.WriteUInt64LittleEndian(call[32..], d);
        BinaryPrimitives.WriteUInt64LittleEndian(call[40..], e);
        BinaryPrimitives.WriteUInt64LittleEndian(call[48..], f);
        return CallCount++;
    }

    /// <summary>Adds the overwriting of memory with zeros. Its result is 0.</summary>
    internal void AddWipe(ulong address, ulong lengthBytes) => _ = Add(AgentLayout.WipeNumber, address, lengthBytes);

    /// <summary>Adds bytes for a call's argument to point to, 8-byte aligned.</summary>
    /// <returns>Their address in the target.</returns>
    internal ulong AddData(ReadOnlySpan<byte> data)
    {
        int offset = AgentLayout.DataOffset + _dataBytes;
        data.CopyTo(_bytes.AsSpan(offset));
        _dataBytes += (data.Length + 7) & ~7;
        return _remoteAddress + (ulong)offset;
    }

    /// <summary>Adds an UFFDIO_MOVE of whole pages.</summary>
    /// <returns>The index of the call.</returns>
    internal int AddMove(int remoteUffd, ulong destination, ulong source, ulong lengthBytes)
    {
        Span<byte> move = stackalloc byte[40];
        BinaryPrimitives.WriteUInt64LittleEndian(move, destination);
        BinaryPrimitives.WriteUInt64LittleEndian(move[8..], source);
        BinaryPrimitives.WriteUInt64LittleEndian(move[16..], lengthBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(move[24..], Libc.UFFDIO_MOVE_MODE_DONTWAKE);
        BinaryPrimitives.WriteInt64LittleEndian(move[32..], 0);
        return Add(Libc.SYS_ioctl, (ulong)remoteUffd, Libc.UFFDIO_MOVE, AddData(move));
    }

    /// <summary>Adds the lending of staging pages to a pipe, which is made only if all calls before it returned 0.</summary>
    /// <param name="remotePipe">The pipe's writing end in the agent's table.</param>
    /// <param name="vectors">Where the iovecs lie: see <see cref="AddVector"/>.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="pass">What lets the call through the filter.</param>
    /// <returns>The index of the call, whose result is the bytes lent, -ECANCELED or another negative errno.</returns>
    internal int AddLend(int remotePipe, ulong vectors, int count, ulong pass) =>
        Add(Libc.SYS_vmsplice | (1L << AgentLayout.IfAllSucceededBit), (ulong)remotePipe, vectors, (ulong)count, f: pass);

    /// <summary>Adds a struct iovec; those added one after the other make an array.</summary>
    /// <returns>Its address in the target.</returns>
    internal ulong AddVector(ulong address, ulong lengthBytes)
    {
        Span<byte> vector = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(vector, address);
        BinaryPrimitives.WriteUInt64LittleEndian(vector[8..], lengthBytes);
        return AddData(vector);
    }

    /// <summary>Adds the receiving of a descriptor that is sent behind the message; several are received in the order in which they are sent.</summary>
    /// <returns>The index of the call; then see <see cref="ReceivedDescriptor"/>.</returns>
    internal int AddReceive()
    {
        ulong one = AddData(stackalloc byte[8]);
        _controls[CallCount] = AgentLayout.DataOffset + _dataBytes;
        ulong control = AddData(stackalloc byte[24]);
        ulong parts = AddVector(one, 8);
        Span<byte> header = stackalloc byte[56]; // struct msghdr
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], parts);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], control);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], 24);
        const ulong CloseOnExec = 0x40000000;
        return Add(Libc.SYS_recvmsg, 0, AddData(header), CloseOnExec);
    }

    /// <summary>Writes a struct uffdio_register for missing pages; its beginning is also the struct uffdio_range that unregistering takes.</summary>
    internal static void WriteRegister(Span<byte> register, AddressRange range)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(register, range.Start.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(register[8..], range.LengthBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(register[16..], Libc.UFFDIO_REGISTER_MODE_MISSING);
        BinaryPrimitives.WriteUInt64LittleEndian(register[24..], 0);
    }

    /// <summary>Gets what a call returned: a value, or a negative errno.</summary>
    internal long Result(int call) =>
        BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(AgentLayout.CallsOffset + (call * AgentLayout.CallBytes) + 56));

    /// <summary>Gets the <c>move</c> field of a move: bytes moved, or a negative errno.</summary>
    /// <param name="move">How many moves were added before it.</param>
    internal long MovedBytes(int move) =>
        BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(AgentLayout.DataOffset + (move * 40) + 32));

    /// <summary>Gets the number, in the agent's table, of the descriptor that was received; unix(7), cmsg(3).</summary>
    /// <param name="receive">What <see cref="AddReceive"/> returned.</param>
    internal int ReceivedDescriptor(int receive) => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(_controls[receive] + 16));
}
