using System;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Cli.Scanning;

/// <summary>How a process is read.</summary>
internal enum ScanReach
{
    /// <summary>The pages that are in memory or on swap. Nothing is brought in and no sealed page is opened.</summary>
    Resident,

    /// <summary>
    /// Every page of every mapping, as process_vm_readv(2) reads them: pages never touched are filled, pages of files are read
    /// from disk, and the pager opens what is sealed.
    /// </summary>
    FaultIn,
}

/// <summary>Searches the memory of a process for a pattern, as an attacker does who may trace it.</summary>
internal sealed class ProcessScanner : IDisposable
{
    private const PageCategories ThereCategories = PageCategories.Present | PageCategories.Swapped;

    private readonly int _pid;
    private readonly ScanReach _reach;
    private readonly PatternCounter _counter;
    private readonly ProcMaps _maps;
    private readonly PagemapScan _pagemap;
    private readonly ProcessMemory _memory;
    private readonly PageRun[] _runs = new PageRun[256];
    private readonly ScanResult _result = new();

    private ProcessScanner(
        int pid, ScanReach reach, PatternCounter counter, ProcMaps maps, PagemapScan pagemap, ProcessMemory memory)
    {
        _pid = pid;
        _reach = reach;
        _counter = counter;
        _maps = maps;
        _pagemap = pagemap;
        _memory = memory;
    }

    /// <summary>Searches a process.</summary>
    /// <param name="pid">The process; it goes on running meanwhile.</param>
    /// <param name="reach">Which pages.</param>
    /// <param name="counter">The pattern; stays the caller's.</param>
    /// <returns>What was found, or null when there is no such process.</returns>
    /// <exception cref="KernelException">EPERM or EACCES: no right to trace it; ENOTTY: before Linux 6.7.</exception>
    internal static ScanResult? Scan(int pid, ScanReach reach, PatternCounter counter)
    {
        using ProcMaps? maps = ProcMaps.TryOpen(pid);
        using PagemapScan? pagemap = PagemapScan.TryOpen(pid);
        using ProcessMemory? memory = ProcessMemory.TryOpen(pid);
        if (maps is null || pagemap is null || memory is null || !maps.Refresh())
        {
            return null;
        }

        using ProcessScanner scanner = new(pid, reach, counter, maps, pagemap, memory);
        foreach (Vma vma in maps)
        {
            scanner.ScanMapping(vma);
        }

        return scanner._result;
    }

    /// <summary>Gets the name of a kind of memory as it is printed.</summary>
    internal static string NameOf(VmaKind kind) => kind switch
    {
        VmaKind.Anonymous => "anonymous",
        VmaKind.Heap => "heap",
        VmaKind.Stack => "stack",
        VmaKind.FilePrivate => "file, private",
        VmaKind.FileShared => "file, shared",
        VmaKind.SharedMemory => "shared memory",
        VmaKind.Secret => "secret memory",
        VmaKind.HugeTlb => "huge pages",
        VmaKind.Device => "device",
        VmaKind.Kernel => "kernel's own",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of memory."),
    };

    /// <inheritdoc/>
    public void Dispose() => _counter.Break();

    private void ScanMapping(in Vma vma)
    {
        // The vsyscall page lies in the kernel's half, beyond what /proc/PID/mem reaches.
        if (vma.Range.End.Value > long.MaxValue)
        {
            return;
        }

        _counter.Break();
        KindCount kind = _result.Of(NameOf(vma.Kind));
        if (_reach == ScanReach.FaultIn)
        {
            ScanRange(vma.Range, vma, kind);
            return;
        }

        VirtualAddress next = vma.Range.Start;
        VirtualAddress expected = next;
        while (next != vma.Range.End)
        {
            AddressRange rest = new(next, vma.Range.End);
            int n = _pagemap.Find(rest, new PageFilter(ThereCategories, default, default, default), _runs, out next);
            if (n < 0)
            {
                // ESRCH: the process ended meanwhile; what was read so far counts.
                if (n == -Libc.ESRCH)
                {
                    return;
                }

                throw new KernelException(-n, $"PAGEMAP_SCAN of process {_pid}");
            }

            foreach (PageRun run in _runs.AsSpan(0, n))
            {
                if (run.Range.Start != expected)
                {
                    _counter.Break();
                }

                expected = run.Range.End;
                ScanRange(run.Range, vma, kind);
            }
        }
    }

    private void ScanRange(AddressRange range, in Vma vma, KindCount kind)
    {
        VirtualAddress at = range.Start;
        while (at != range.End)
        {
            if (IsOwn(at, out VirtualAddress ownEnd))
            {
                _counter.Break();
                at = ownEnd.Value < range.End.Value ? ownEnd : range.End;
                continue;
            }

            int wanted = (int)Math.Min(PatternCounter.PieceBytes, range.End.Value - at.Value);
            wanted = StopBeforeOwn(at, wanted);
            int n = Read(at, _counter.Room[..wanted]);
            if (n > 0)
            {
                Count(at, n, vma, kind);
                at = new VirtualAddress(at.Value + (ulong)n);
                continue;
            }

            // One page that cannot be read does not hide the ones after it.
            _counter.Break();
            ulong next = Math.Min(at.Page.Address.Value + PageNumber.SizeBytes, range.End.Value);
            kind.UnreadableBytes += (long)(next - at.Value);
            at = new VirtualAddress(next);
        }
    }

    private int Read(VirtualAddress at, Span<byte> room)
    {
        while (true)
        {
            int n = _reach == ScanReach.FaultIn ? RemoteMemory.Read(_pid, at.Value, room) : _memory.Read(at, room);
            if (n != -Libc.EINTR)
            {
                return n;
            }
        }
    }

    private void Count(VirtualAddress at, int bytes, in Vma vma, KindCount kind)
    {
        kind.ReadBytes += bytes;
        int copies = _counter.Count(bytes, out int firstOffset);
        if (copies > 0)
        {
            kind.Copies += copies;
            ulong address = (ulong)((long)at.Value + firstOffset);
            _result.Add(new Finding(address, kind.Kind, Encoding.UTF8.GetString(_maps.NameOf(vma))));
        }
    }

    private bool IsOwn(VirtualAddress address, out VirtualAddress end)
    {
        end = address;
        if (_pid == Environment.ProcessId)
        {
            foreach (AddressRange own in _counter.OwnMemory)
            {
                if (own.Contains(address))
                {
                    end = own.End;
                    return true;
                }
            }
        }

        return false;
    }

    private int StopBeforeOwn(VirtualAddress at, int wanted)
    {
        if (_pid == Environment.ProcessId)
        {
            foreach (AddressRange own in _counter.OwnMemory)
            {
                if (own.Start.Value > at.Value && own.Start.Value < at.Value + (ulong)wanted)
                {
                    wanted = (int)(own.Start.Value - at.Value);
                }
            }
        }

        return wanted;
    }
}
