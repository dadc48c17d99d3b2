using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net.Sockets;

namespace Strongroom.Tests.Integrity;

/// <summary>
/// Gives random orders to a growing and shrinking family of processes and keeps the truth about every byte of each.
/// Several processes work at the same time, and within one process several threads.
/// </summary>
internal sealed class Driver : IDisposable
{
    private const int PageBytes = ShadowRegion.PageBytes;
    private const int MostProcesses = 5;
    private const long MostBytes = 12 << 20;
    private readonly Random _random;
    private readonly Socket _listener;
    private readonly List<DrivenProcess> _processes = [];
    private readonly Queue<(DrivenProcess Process, Order[] Orders)> _pending = new();
    private ulong _names;

    /// <summary>Opens an abstract socket for the processes to call.</summary>
    public Driver(ulong seed)
    {
        _random = new Random((int)(seed % int.MaxValue));
        SocketName = $"strongroom-stress-{Environment.ProcessId}-{Guid.NewGuid():N}";
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint("\0" + SocketName));
        _listener.Listen();
        _listener.ReceiveTimeout = 30_000;
    }

    /// <summary>What the first process gets as its argument.</summary>
    public string SocketName { get; }

    /// <summary>Orders given so far.</summary>
    public int Orders { get; private set; }

    /// <summary>Waits for the first process.</summary>
    public void Welcome() => _processes.Add(Accept(new Shadow()));

    /// <summary>Works until a time has passed, then compares everything and ends the processes.</summary>
    public void Work(TimeSpan duration)
    {
        Stopwatch clock = Stopwatch.StartNew();
        for (int round = 1; clock.Elapsed < duration; round++)
        {
            if (round % 150 == 0)
            {
                CompareEverything();
            }

            if (round % 12 == 0)
            {
                ForkOrEnd();
            }

            foreach ((DrivenProcess process, Order[] orders) in _processes.Select(p => (p, ChooseOrders(p))).ToList())
            {
                // Sent to all before any is waited for.
                process.Send(orders);
                _pending.Enqueue((process, orders));
                Orders += orders.Length;
            }

            while (_pending.TryDequeue(out (DrivenProcess Process, Order[] Orders) pending))
            {
                Finish(pending.Process, pending.Orders);
            }
        }

        CompareEverything();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DrivenProcess process in _processes)
        {
            process.Dispose();
        }

        _listener.Dispose();
    }

    private DrivenProcess Accept(Shadow shadow)
    {
        if (!_listener.Poll(TimeSpan.FromSeconds(30), SelectMode.SelectRead))
        {
            throw new IntegrityException("A new process did not call within 30 s.");
        }

        Socket socket = _listener.Accept();
        socket.ReceiveTimeout = 30_000;
        byte[] name = new byte[8];
        for (int got = 0; got < name.Length;)
        {
            got += socket.Receive(name.AsSpan(got));
        }

        return new DrivenProcess(BitConverter.ToUInt64(name), socket, shadow);
    }

    private void ForkOrEnd()
    {
        DrivenProcess process = _processes[_random.Next(_processes.Count)];
        if (_processes.Count < MostProcesses && _random.Next(5) > 1)
        {
            process.Send([new Order { Kind = OrderKind.Fork, Seed = ++_names }]);
            _ = process.Receive(out _);
            _processes.Add(Accept(process.Shadow.Fork()));
        }
        else if (process != _processes[0])
        {
            // The first process is the program itself: its end is the end of the run.
            Compare(process);
            process.Send([new Order { Kind = OrderKind.End }]);
            process.Dispose();
            _ = _processes.Remove(process);
        }
    }

    private Order[] ChooseOrders(DrivenProcess process)
    {
        Shadow shadow = process.Shadow;
        List<ShadowRegion> free = [.. shadow.Regions];
        int count = _random.Next(4) == 0 ? _random.Next(2, 9) : 1;
        List<Order> orders = [];
        for (int i = 0; i < count; i++)
        {
            if (shadow.Regions.Count == 0 || (count == 1 && shadow.Bytes < MostBytes && _random.Next(5) == 0))
            {
                return [new Order { Kind = OrderKind.Map, Length = (ulong)(_random.Next(1, 200) * PageBytes) }];
            }

            if (free.Count == 0)
            {
                break;
            }

            ShadowRegion region = free[_random.Next(free.Count)];
            _ = free.Remove(region);
            orders.Add(OrderChooser.Choose(_random, region, free, alone: count == 1));
            if (orders[^1].Other != 0)
            {
                _ = free.RemoveAll(r => r.Address <= orders[^1].Other && orders[^1].Other < r.End);
            }
        }

        return [.. orders];
    }

    private static void Finish(DrivenProcess process, Order[] orders)
    {
        foreach (Order order in orders)
        {
            long result = process.Receive(out byte[] bytes);
            if (order.Kind == OrderKind.Read)
            {
                Check(process, order.Address, bytes);
            }

            OrderChooser.Apply(process.Shadow, order, (ulong)result);
        }
    }

    private void CompareEverything()
    {
        foreach (DrivenProcess process in _processes)
        {
            Compare(process);
        }
    }

    private static void Compare(DrivenProcess process)
    {
        foreach (ShadowRegion region in process.Shadow.Regions.Where(r => r.Protection != 0))
        {
            process.Send([new Order { Kind = OrderKind.Read, Address = region.Address, Length = (ulong)region.Bytes.Length }]);
            _ = process.Receive(out byte[] bytes);
            Check(process, region.Address, bytes);
        }
    }

    private static void Check(DrivenProcess process, ulong address, byte[] bytes)
    {
        ShadowRegion region = process.Shadow.Regions.Single(r => r.Address <= address && address < r.End);
        int at = region.FirstDifference((int)(address - region.Address), bytes);
        if (at >= 0)
        {
            byte seen = bytes[at - (int)(address - region.Address)];
            throw new IntegrityException(
                $"Byte {at % PageBytes} of page {(region.Address + (ulong)at) / PageBytes:x} of process {process.Name} is " +
                $"{seen:x2} instead of {region.Bytes[at]:x2} (region {region.Address:x}, page {at / PageBytes} of it); " +
                $"its last orders:\n{process.History}");
        }
    }
}
