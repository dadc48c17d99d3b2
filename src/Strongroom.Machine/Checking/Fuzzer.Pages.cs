using System;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;

namespace Strongroom.Machine.Checking;

internal sealed partial class Fuzzer
{
    private string? RemapStep(FlatProcess process)
    {
        if (!TryPickRun(process, out ulong start, out int pages))
        {
            return null;
        }

        // One VMA only, or mremap refuses.
        Vma vma = process.Real.Space.Find(new VirtualAddress(start))!;
        pages = (int)Math.Min((ulong)pages, (vma.End.Value - start) / PageBytes);
        ulong length = (ulong)pages * PageBytes;
        ulong target = 0x10_0000_0000 + ((ulong)_random.Next(64) * 0x10000);
        if (process.Real.Space.IsAnythingMapped(AddressRange.FromLength(new VirtualAddress(target), length)))
        {
            return null;
        }

        Log(FuzzStep.Remap, start, target);
        Errno errno = process.Real.Space.Remap(
            new VirtualAddress(start), length, length, RemapOptions.MayMove | RemapOptions.Fixed, new VirtualAddress(target), out _);
        if (errno != Errno.None)
        {
            return $"mremap fails with {errno}";
        }

        for (int i = 0; i < pages; i++)
        {
            ulong from = start + ((ulong)i * PageBytes);
            FlatPage flat = process.Pages[from];
            process.Remove(from);
            process.Add(target + ((ulong)i * PageBytes), flat);
        }

        return null;
    }

    private int FrameOf(FlatProcess process, out ulong page)
    {
        if (!process.TryPick(_random, out page) || !process.Real.Table.TryWalk(page, out ulong pte, out PageSize size)
            || size != PageSize.Small)
        {
            return -1;
        }

        int frame = Pte.Frame(_kernel.Layout, pte);
        return frame == _kernel.ZeroFrame ? -1 : frame;
    }

    private string? MovePageStep(FlatProcess process)
    {
        int frame = FrameOf(process, out ulong page);
        Log(FuzzStep.MovePage, page, (ulong)Math.Max(frame, 0));
        if (_random.Next(40) == 0)
        {
            _ = _kernel.Compact(AnyCpu(), 9); // whether a block that large can be had depends on pins
            return null;
        }

        if (frame >= 0)
        {
            _ = _kernel.Migrate(AnyCpu(), frame, _random.Next(s_machine.Packages)); // pinned pages stay
        }

        return null;
    }

    private string? SwapStep(FlatProcess process)
    {
        int frame = FrameOf(process, out ulong page);
        Log(FuzzStep.Swap, page, (ulong)Math.Max(frame, 0));
        if (frame >= 0)
        {
            _ = _kernel.SwapOut(AnyCpu(), frame); // pinned and merged pages stay
        }

        return null;
    }

    private string? MergeStep(FlatProcess process)
    {
        FlatProcess other = _processes[_random.Next(_processes.Count)];
        if (!process.TryPick(_random, out ulong first) || !other.TryPick(_random, out ulong second))
        {
            return null;
        }

        Log(FuzzStep.Merge, first, second);
        FlatPage kept = process.Pages[first];
        FlatPage merged = other.Pages[second];
        bool canWrite = kept.Protection == Protection.ReadWrite && merged.Protection == Protection.ReadWrite;

        // Equal pages are rare: make them equal first.
        for (int word = 0; word < Words && canWrite; word++)
        {
            merged.Values[word] = kept.Values[word];
            string? failed = Expect(AccessResult.Done, other.Real.Write(AnyCpu(), second + ((ulong)word * 512), kept.Values[word]))
                ?? Expect(AccessResult.Done, process.Real.Write(AnyCpu(), first + ((ulong)word * 512), kept.Values[word]));
            if (failed is not null)
            {
                return failed;
            }
        }

        if (canWrite && process.Real.Table.TryWalk(first, out ulong one, out PageSize size) && size == PageSize.Small
            && other.Real.Table.TryWalk(second, out ulong two, out size) && size == PageSize.Small)
        {
            _ = _kernel.TryMerge(AnyCpu(), Pte.Frame(_kernel.Layout, one), Pte.Frame(_kernel.Layout, two)); // only if allowed
        }

        return null;
    }

    private string? HugeStep(FlatProcess process)
    {
        const ulong HugeBytes = 2 << 20;
        Log(FuzzStep.Huge, process.Real.Number);
        Protection protection = Protection.ReadWrite;
        Errno errno = process.Real.MapAnonymous(2 * HugeBytes, protection, out ulong address);
        if (errno != Errno.None)
        {
            return $"mmap fails with {errno}";
        }

        ulong start = (address + HugeBytes - 1) & ~(HugeBytes - 1);
        if (_keys.Count > 0)
        {
            (Keys.KeySerial serial, KeyId _) = _keys[_random.Next(_keys.Count)];
            errno = process.Real.EncryptMprotect(address, 2 * HugeBytes, protection, serial);
        }

        bool collapse = _random.Next(2) == 0;
        errno = errno != Errno.None || collapse
            ? errno
            : process.Real.Space.Advise(new VirtualAddress(address), 2 * HugeBytes, Advice.HugePage);
        ulong[] values = new ulong[Words];
        for (int word = 0; word < Words && errno == Errno.None; word++)
        {
            values[word] = (ulong)_random.NextInt64();
            string? failed = Expect(AccessResult.Done, process.Real.Write(AnyCpu(), start + ((ulong)word * 0x12000), values[word]));
            if (failed is not null)
            {
                return failed;
            }
        }

        if (collapse)
        {
            errno = process.Real.Space.Advise(new VirtualAddress(address), 2 * HugeBytes, Advice.HugePage);
            _ = process.Real.TryCollapse(AnyCpu(), start); // fails without a free huge page
        }

        return Expect(Errno.None, errno) ?? CheckHuge(process, start, values) ?? EndHuge(process, address, start, values);
    }

    private string? CheckHuge(FlatProcess process, ulong start, ulong[] values)
    {
        for (int word = 0; word < Words; word++)
        {
            ulong address = start + ((ulong)word * 0x12000);
            string? failed = Expect(AccessResult.Done, process.Real.Read(AnyCpu(), address, out ulong value))
                ?? Compare("I2: a program reads from a huge page", address, values[word], value)
                ?? Expect(AccessResult.Done, process.Real.Read(AnyCpu(), address + 0x1000, out value))
                ?? Compare("I2: a program reads from a huge page", address + 0x1000, 0, value);
            if (failed is not null)
            {
                return failed;
            }
        }

        return null;
    }

    private string? EndHuge(FlatProcess process, ulong address, ulong start, ulong[] values)
    {
        const ulong HugeBytes = 2 << 20;

        // Sometimes a part goes first, so that the huge page is split while most of it is in use.
        Errno errno = _random.Next(2) == 0 ? Errno.None : process.Real.UnmapRange(start + 0x5000, 0x1000);
        return Expect(Errno.None, errno) ?? CheckHugeWord(process, start, values[0])
            ?? _kernel.FindBrokenRule()
            ?? Expect(Errno.None, process.Real.UnmapRange(address, 2 * HugeBytes))
            ?? _kernel.FindBrokenRule();
    }

    private string? CheckHugeWord(FlatProcess process, ulong address, ulong expected) =>
        Expect(AccessResult.Done, process.Real.Read(AnyCpu(), address, out ulong value))
        ?? Compare("I2: a program reads from a split huge page", address, expected, value);

    private string? SecretStep(FlatProcess process)
    {
        Log(FuzzStep.Secret, process.Real.Number);
        SecretFlags flags = _random.Next(2) == 0 ? SecretFlags.Exclusive : SecretFlags.Uncached;
        if (_kernel.Secrets.Create(flags, out SecretFile? file) != Errno.None)
        {
            return "secretmemfd fails";
        }

        _ = SecretMemory.Truncate(file!, 3 * (long)PageBytes); // a fresh file takes a size
        Errno errno = SecretMemory.Map(process.Real, file!, 3 * PageBytes, isShared: true, out ulong address);
        if (errno != Errno.None)
        {
            return $"mapping a secret fails with {errno}";
        }

        ulong value = (ulong)_random.NextInt64();
        AccessResult written = process.Real.Write(AnyCpu(), address + PageBytes, value);
        string? failed = written == AccessResult.OutOfMemory ? null
            : Expect(AccessResult.Done, written)
            ?? Expect(AccessResult.Done, process.Real.Read(AnyCpu(), address + PageBytes, out ulong read))
            ?? Compare("I2: a program reads from a secret", address, value, read)
            ?? CheckOutOfReach(process, address + PageBytes);
        failed ??= _keys.Count == 0 ? null
            : Expect(Errno.EINVAL, process.Real.EncryptMprotect(address, PageBytes, Protection.ReadWrite, _keys[0].Serial));
        int frame = file!.Chunks.Count == 0 ? -1 : file.Cache[1];
        errno = process.Real.UnmapRange(address, 3 * PageBytes);
        _kernel.Secrets.Close(process.Real, file);
        return failed ?? Expect(Errno.None, errno) ?? CheckCleared(frame);
    }

    private string? CheckOutOfReach(FlatProcess process, ulong address)
    {
        _ = process.Real.Table.TryWalk(address, out ulong pte, out _); // it was just written
        int frame = Pte.Frame(_kernel.Layout, pte);
        for (int cpu = 0; cpu < _kernel.Platform.CpuCount; cpu++)
        {
            if (CanKernelReach(cpu, frame))
            {
                return $"the kernel still reaches secret frame {frame} on CPU {cpu}";
            }
        }

        return null;
    }

    private bool CanKernelReach(int cpu, int frame)
    {
        try
        {
            _ = _kernel.TranslateKernel(cpu, _kernel.PageToVirtual(frame)); // only whether it faults matters
            return true;
        }
        catch (KernelPageFaultException)
        {
            return false;
        }
    }

    private string? CheckCleared(int frame)
    {
        if (frame < 0)
        {
            return null;
        }

        int cpu = AnyCpu();
        ulong left = _kernel.Platform.Load(cpu, _kernel.TranslateKernel(cpu, _kernel.DirectMap.ToVirtual(frame, 0)));
        return Compare("the kernel finds in a freed secret page", (ulong)frame << 12, 0, left);
    }

    private string? CpuStep()
    {
        int cpu = _random.Next(_kernel.Platform.CpuCount);
        Log(FuzzStep.Cpu, (ulong)cpu);
        if (!_kernel.Platform.IsOnline(cpu))
        {
            return Expect(Errno.None, _kernel.OnlineCpu(cpu));
        }

        int first = cpu - (cpu % s_machine.CpusPerPackage);
        bool last = !_kernel.Platform.IsOnline(first) || !_kernel.Platform.IsOnline(first + 1);
        if (last && !_kernel.Keys.IsAnySlotInUse)
        {
            return null; // would be allowed, but leaves memory that nobody can program
        }

        return Expect(last ? Errno.EPERM : Errno.None, _kernel.OfflineCpu(cpu));
    }

    private string? MemoryStep()
    {
        int package = _random.Next(s_machine.Packages);
        ulong section = (_kernel.Platform.Dram.SpanBytes * (ulong)package) + (ulong)s_machine.MemoryPerPackageBytes;
        Log(FuzzStep.Memory, section);
        if (!_kernel.Platform.Dram.IsPresent(section))
        {
            return Expect(Errno.None, _kernel.OnlineMemory(section));
        }

        _ = _kernel.OfflineMemory(AnyCpu(), section); // EBUSY while a page is pinned or the other memory full
        return null;
    }
}
