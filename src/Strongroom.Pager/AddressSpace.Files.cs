using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Mappings of files that own a key (<see cref="KeyedFile"/>).</content>
/// <remarks>
/// <para>The kernel lets no userfaultfd watch secret memory. So while a file is sealed each of its mappings is replaced by a stand-in:
/// anonymous memory, registered, without a page. A fault in it opens the file, and the stand-in is replaced by the file again. Both
/// replacements are one system call of the agent's, so that at no moment is nothing, or a page of zeros, there.</para>
/// <para>Whoever unmaps a mapping of the file is not heard of, and must not have something else overwritten that it mapped in the same
/// place since. So only those between 32 and 64 TiB are replaced, where the kernel maps nothing by itself and the pager has put them.</para>
/// </remarks>
internal sealed partial class AddressSpace
{
    /// <summary>The first address at which the pager has programs map such files.</summary>
    internal const ulong FileZoneStart = 0x2000_0000_0000;

    /// <summary>The first address behind.</summary>
    internal const ulong FileZoneEnd = 0x4000_0000_0000;

    private const int MapPrivateAnonymousNoReserve = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_NORESERVE;
    private const ulong MayMoveFixed = 3; // MREMAP_MAYMOVE | MREMAP_FIXED

    private readonly List<StandIn> _standIns = [];
    private readonly Queue<StandIn> _wantedFiles = new();

    /// <summary>Gets a value indicating whether faults wait for files to be opened.</summary>
    internal bool WantsFiles => _wantedFiles.Count > 0 && Agent is not null;

    /// <summary>Tells whether a file is mapped here, or stood in for.</summary>
    internal bool HasFile(KeyedFile file) => _standIns.Exists(each => each.File == file) || Maps(file);

    /// <summary>Tells whether a file is mapped here.</summary>
    internal bool Maps(KeyedFile file) => FindMappings(file).Count > 0;

    /// <summary>Replaces every mapping of a file by a stand-in.</summary>
    /// <returns>False when that is not possible now. What was replaced stays so, and is put back by its first fault.</returns>
    internal bool TryStandInFor(KeyedFile file)
    {
        if (Agent is not { IsBusy: false } || Verdict is not null || IsGone || _displaced.Ranges.Count > 0)
        {
            return false;
        }

        foreach (Vma vma in FindMappings(file))
        {
            if (vma.Range.Start.Value < FileZoneStart || vma.Range.End.Value > FileZoneEnd || !TryStandIn(vma, file))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Opens the files that faults wait for, unless the agent is busy.</summary>
    internal void ServeFiles()
    {
        while (Agent is { IsBusy: false } && Verdict is null && !IsGone && _wantedFiles.TryDequeue(out StandIn wanted))
        {
            long opened = wanted.File.Open(_context.Tick);
            if (opened < 0)
            {
                Condemn("it used memory whose key had been destroyed");
                return;
            }

            _context.Statistics.OpenedPages += opened;
            _ = HandleMessages(); // what was unmapped before must be known to be
            if (StandInAt(wanted.Range.Start) is { } standIn && standIn.File == wanted.File && !TryMapFile(standIn))
            {
                return;
            }

            _uffd.Wake(wanted.Range.Start.Page, (int)(wanted.Range.LengthBytes >> PageNumber.Shift));
        }
    }

    /// <summary>Lists where a file is mapped, or stood in for.</summary>
    internal void AddRangesOf(KeyedFile file, List<AddressRange> ranges)
    {
        ranges.AddRange(FindMappings(file).ConvertAll(vma => vma.Range));
        ranges.AddRange(_standIns.FindAll(each => each.File == file).ConvertAll(each => each.Range));
    }

    private List<Vma> FindMappings(KeyedFile file)
    {
        List<Vma> found = [];
        if (_maps is not null && _maps.Refresh())
        {
            foreach (Vma vma in _maps)
            {
                if (vma.Kind == VmaKind.Secret && vma.File == file.Memory.Identity)
                {
                    found.Add(vma);
                }
            }
        }

        return found;
    }

    private StandIn? StandInAt(VirtualAddress address)
    {
        foreach (StandIn each in _standIns)
        {
            if (each.Range.Contains(address))
            {
                return each;
            }
        }

        return null;
    }

    // True: the fault is one in a stand-in, and is answered when the file is there.
    private bool IsFaultOfFile(PageNumber page)
    {
        if (_standIns.Count == 0 || StandInAt(page.Address) is not { } standIn)
        {
            return false;
        }

        if (!_wantedFiles.Contains(standIn))
        {
            _wantedFiles.Enqueue(standIn);
        }

        return true;
    }

    private bool TryStandIn(in Vma vma, KeyedFile file)
    {
        AgentMessage message = Agent!.Message;
        message.Clear();
        ulong length = vma.Range.LengthBytes;
        int make = message.Add(Libc.SYS_mmap, 0, length, ProtectionOf(vma), MapPrivateAnonymousNoReserve, ulong.MaxValue, 0);
        if (!Agent.TryExchange() || message.Result(make) is < 0 and >= -4095)
        {
            return false;
        }

        AddressRange made = AddressRange.FromLength(new(unchecked((ulong)message.Result(make))), length);
        message.Clear();
        bool isMoved = false;

        // mlockall(MCL_FUTURE) fills what is mapped: those zeros would stand for the file.
        if (_uffd.Register(made) == 0 && _uffd.IsOneRegisteredVma(made) && _pagemap?.Find(made, s_filled, _runs, out _) == 0)
        {
            _registered.Add(made);
            _standIns.Add(new(made, file, vma.Offset)); // it moves with the memory: the first fault may come before the reply
            message.IsAside = true;
            int move = message.Add(
                Libc.SYS_mremap, made.Start.Value, length, length, MayMoveFixed, vma.Range.Start.Value);
            isMoved = TryExchangeAside() && unchecked((ulong)message.Result(move)) == vma.Range.Start.Value;
        }

        if (!isMoved)
        {
            message.Clear();
            message.IsAside = true;
            _ = message.Add(Libc.SYS_munmap, made.Start.Value, length);
            _ = TryExchangeAside(); // best effort: unused address space
        }

        return isMoved;
    }

    // The program may have changed the protection of parts meanwhile, which are VMAs of their own then.
    private bool TryMapFile(StandIn standIn)
    {
        int fd = Agent!.Pass(standIn.File.Memory);
        if (fd < 0 || _maps is null || !_maps.Refresh())
        {
            IsGone = !Tracing.ProcessTable.HasMemory(TargetPid);
            return false;
        }

        AgentMessage message = Agent!.Message;
        message.Clear();
        message.IsAside = true;
        List<(int Call, ulong Address)> made = [];
        foreach (Vma vma in _maps)
        {
            AddressRange part = vma.Range.Intersect(standIn.Range);
            if (!part.IsEmpty && vma.IsPrivateAnonymous && made.Count < AgentLayout.MaxCalls - 1)
            {
                ulong offset = standIn.Offset + (part.Start.Value - standIn.Range.Start.Value);
                ulong passed = (uint)fd | ((ulong)_context.MapPass << 32);
                const int Flags = Libc.MAP_SHARED | Libc.MAP_FIXED;
                int call = message.Add(
                    Libc.SYS_mmap, part.Start.Value, part.LengthBytes, ProtectionOf(vma), Flags, passed, offset);
                made.Add((call, part.Start.Value));
            }
        }

        _ = message.Add(Libc.SYS_close, (ulong)fd);
        if (!TryExchangeAside() || made.Exists(each => unchecked((ulong)message.Result(each.Call)) != each.Address))
        {
            IsGone = !Tracing.ProcessTable.HasMemory(TargetPid);
            if (!IsGone)
            {
                Condemn("secret memory of it could not be mapped again (RLIMIT_MEMLOCK)");
            }

            return false;
        }

        return true;
    }

    private static ulong ProtectionOf(in Vma vma) =>
        (vma.Allows(VmaAccess.Read) ? (ulong)Libc.PROT_READ : 0) | (vma.Allows(VmaAccess.Write) ? (ulong)Libc.PROT_WRITE : 0);

    private void RemoveStandIns(AddressRange range)
    {
        for (int i = _standIns.Count - 1; i >= 0; i--)
        {
            StandIn old = _standIns[i];
            if (!old.Range.Overlaps(range))
            {
                continue;
            }

            _standIns.RemoveAt(i);
            AddPart(old, old.Range.Start.Value, range.Start.Value, 0);
            AddPart(old, range.End.Value, old.Range.End.Value, 0);
        }
    }

    private void MoveStandIns(AddressRange source, AddressRange target)
    {
        List<StandIn> moving = _standIns.FindAll(each => each.Range.Overlaps(source));
        RemoveStandIns(source);
        RemoveStandIns(target);
        foreach (StandIn each in moving)
        {
            AddressRange part = each.Range.Intersect(source);
            AddPart(each, part.Start.Value, part.End.Value, unchecked(target.Start.Value - source.Start.Value));
        }
    }

    private void AddPart(StandIn whole, ulong start, ulong end, ulong distance)
    {
        if (start < end)
        {
            AddressRange moved = AddressRange.FromLength(new(unchecked(start + distance)), end - start);
            _standIns.Add(whole with { Range = moved, Offset = whole.Offset + (start - whole.Range.Start.Value) });
        }
    }

    /// <summary>A mapping of a sealed file.</summary>
    /// <param name="Range">Where.</param>
    /// <param name="File">The file.</param>
    /// <param name="Offset">Of its first byte in the file.</param>
    private readonly record struct StandIn(AddressRange Range, KeyedFile File, ulong Offset);
}
