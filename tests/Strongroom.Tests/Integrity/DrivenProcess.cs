using System;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Strongroom.Tests.Integrity;

/// <summary>What a driven process can be told to do; the numbers of Targets/stress.c.</summary>
internal enum OrderKind : uint
{
    Map = 1,
    Unmap,
    Fill,
    FillByCall,
    Read,
    Touch,
    Discard,
    Free,
    Move,
    Protect,
    Lock,
    Unlock,
    Huge,
    Fork,
    Rest,
    Together,
    End,
    Guard,
}

/// <summary>An order as it goes over the socket.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Order
{
    public OrderKind Kind;
    public uint Flags;
    public ulong Address;
    public ulong Length;
    public ulong Other;
    public ulong Seed;

    /// <inheritdoc/>
    public override readonly string ToString() =>
        $"{Kind} flags {Flags:x} address {Address:x} length {Length:x} other {Other:x} seed {Seed:x}";
}

/// <summary>One process that takes orders, and the truth about its memory.</summary>
internal sealed class DrivenProcess : IDisposable
{
    private const int RememberedOrders = 40;
    private readonly Socket _socket;
    private readonly Queue<string> _history = new();

    /// <summary>Takes over a connection that has said its name already.</summary>
    public DrivenProcess(ulong name, Socket socket, Shadow shadow)
    {
        Name = name;
        _socket = socket;
        Shadow = shadow;
    }

    /// <summary>The number under which the process was made.</summary>
    public ulong Name { get; }

    /// <summary>What its memory must hold.</summary>
    public Shadow Shadow { get; }

    /// <summary>Its last orders, for messages.</summary>
    public string History => string.Join('\n', _history);

    /// <summary>Sends orders: one alone, several to be carried out by threads at once.</summary>
    public void Send(ReadOnlySpan<Order> orders)
    {
        if (orders.Length > 1)
        {
            SendOne(new Order { Kind = OrderKind.Together, Flags = (uint)orders.Length });
        }

        foreach (Order order in orders)
        {
            SendOne(order);
        }
    }

    /// <summary>Receives the answer to one order; a negative result is an errno and fails.</summary>
    public long Receive(out byte[] bytes)
    {
        Span<byte> answer = stackalloc byte[16];
        ReceiveExactly(answer);
        long result = BitConverter.ToInt64(answer);
        bytes = new byte[BitConverter.ToUInt64(answer[8..])];
        ReceiveExactly(bytes);
        if (result < 0)
        {
            throw new IntegrityException($"An order to process {Name} failed with errno {-result}; its last orders:\n{History}");
        }

        return result;
    }

    /// <summary>Closes the connection, upon which the process ends.</summary>
    public void Dispose() => _socket.Dispose();

    private void SendOne(Order order)
    {
        if (_history.Count == RememberedOrders)
        {
            _ = _history.Dequeue();
        }

        _history.Enqueue(order.ToString());
        _ = _socket.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<Order>(in order)));
    }

    private void ReceiveExactly(Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int got;
            try
            {
                got = _socket.Receive(bytes);
            }
            catch (SocketException e)
            {
                throw new IntegrityException($"Process {Name} does not answer ({e.SocketErrorCode}); its last orders:\n{History}");
            }

            if (got == 0)
            {
                throw new IntegrityException($"Process {Name} died; its last orders:\n{History}");
            }

            bytes = bytes[got..];
        }
    }
}

/// <summary>A driven process did something else than it was told, or its memory holds something else.</summary>
internal sealed class IntegrityException(string message) : Exception(message);
