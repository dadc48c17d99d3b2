using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>How an access of a program ended.</summary>
internal enum AccessResult
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>SIGSEGV: nothing is mapped there, or the protection forbids it.</summary>
    SegmentationFault,

    /// <summary>SIGBUS: mapped, but nothing stands behind it.</summary>
    BusError,

    /// <summary>No page could be had, and the program would be killed.</summary>
    OutOfMemory,
}

/// <summary>A process: its VMAs, its page table, and what happens to its pages.</summary>
/// <remarks>
/// <para>VMAs are those of <see cref="AddressSpace"/>, which calls back here to change pages; page-table entries carry
/// the KeyID of their VMA, pages that of their page_ext, and the two must agree (checked by <see
/// cref="FindBrokenRule"/>).</para>
/// <para>Entries of a page: 0 (nothing), swap (not present), present. Huge pages are split before anything but an
/// access, a whole unmap or exit is done to them.</para>
/// <para>Thread safety: none.</para>
/// </remarks>
internal sealed partial class Process : IMemoryMachine
{
    private const ulong PageBytes = 4096;
    private const ulong HugeBytes = 2 << 20;
    private const int HugeOrder = 9;

    private readonly ModelKernel _kernel;
    private readonly List<int> _gone = [];
    private AddressSpace _space;

    /// <summary>Makes a process with nothing mapped.</summary>
    internal Process(ModelKernel kernel, ushort number)
    {
        _kernel = kernel;
        Number = number;
        _space = new AddressSpace(kernel.Keys.Slots, this, new() { Fault = kernel.Mutant.InVmas(), MaxVmaCount = kernel.Options.MaxVmaCount });
    }

    /// <summary>Gets the process's number, which is also that of its address space in TLBs.</summary>
    internal ushort Number { get; }

    /// <summary>Gets the VMAs.</summary>
    internal AddressSpace Space => _space;

    /// <summary>Gets the page table.</summary>
    internal PageTable Table { get; private set; } = new();

    /// <summary>Gets or sets the CPU that system calls of this process run on.</summary>
    internal int Cpu { get; set; }

    /// <summary>Gets or sets RLIMIT_MEMLOCK in bytes.</summary>
    internal long LockedLimitBytes { get; set; } = 8 << 20;

    /// <summary>Gets the bytes that count against it: those of mlock(2) and of secret memory alike.</summary>
    internal long LockedBytes
    {
        get
        {
            long bytes = 0;
            foreach (Vma vma in _space.Vmas)
            {
                bytes += (vma.Traits & VmaTraits.Locked) != 0 ? (long)vma.Range.LengthBytes : 0;
            }

            return bytes;
        }
    }

    /// <summary>Gets the faults so far.</summary>
    internal ulong Faults { get; private set; }

    /// <summary>Gets who makes this process's calls to the key service: root.</summary>
    internal KeyCaller Caller => new(Number, Number, 0, 0, default, KeyCapabilities.SysAdmin | KeyCapabilities.SysResource);

    /// <summary>Maps private anonymous memory anywhere.</summary>
    internal Errno MapAnonymous(ulong lengthBytes, Protection protection, out ulong address)
    {
        Errno errno = _space.Map(new MapRequest(lengthBytes, new VmaAttributes(protection)), out VirtualAddress at);
        address = at.Value;
        return errno;
    }

    /// <summary>munmap.</summary>
    internal Errno UnmapRange(ulong address, ulong lengthBytes)
    {
        Errno errno = _space.Unmap(new VirtualAddress(address), lengthBytes);
        _kernel.Secrets.Sweep(Cpu);
        return errno;
    }

    /// <summary>mlock of whole pages.</summary>
    /// <returns>ENOMEM beyond RLIMIT_MEMLOCK, or what mlock answers.</returns>
    internal Errno Lock(ulong address, ulong lengthBytes)
    {
        AddressRange range = new(new(address), new(address + lengthBytes));
        long more = 0;
        foreach (Vma vma in _space.Vmas)
        {
            bool isNew = (vma.Traits & VmaTraits.Locked) == 0 && vma.Range.Overlaps(range);
            more += isNew ? (long)vma.Range.Intersect(range).LengthBytes : 0;
        }

        return LockedBytes + more > LockedLimitBytes ? Errno.ENOMEM
            : _space.SetLocked(new VirtualAddress(address), lengthBytes, isLocked: true);
    }

    /// <summary>encrypt_mprotect.</summary>
    internal Errno EncryptMprotect(
        ulong address, ulong lengthBytes, Protection protection, KeySerial serial, bool keepsData = false) =>
        _space.EncryptMprotect(
            _kernel.Keys,
            Caller,
            serial,
            new VirtualAddress(address),
            lengthBytes,
            protection,
            keepsData ? KeyChangeData.Keep : KeyChangeData.Discard);

    /// <summary>fork: a child with the same memory, shared until one of both writes.</summary>
    internal Process Fork()
    {
        Process child = _kernel.StartProcess();
        _kernel.Inherit(this, child);
        child._space = _space.Fork(child);
        child.Cpu = Cpu;
        child.LockedLimitBytes = LockedLimitBytes;
        return child;
    }

    /// <summary>exec: everything that was mapped goes.</summary>
    internal void Exec()
    {
        _space.UnmapAll();
        _kernel.Secrets.Sweep(Cpu);
        Table = new PageTable();
    }

    /// <summary>exit. Keys that only its keyrings hold go with it.</summary>
    internal void Exit()
    {
        _space.UnmapAll();
        _kernel.Secrets.Sweep(Cpu);
        _kernel.EndProcess(this);
    }

    /// <summary>Checks entries against VMAs and pages; meant for tests.</summary>
    /// <returns>The first broken rule in words, or null.</returns>
    internal string? FindBrokenRule()
    {
        Vma? below = null;
        foreach (Vma vma in _space.Vmas)
        {
            if (below is not null && below.CanMergeWith(vma))
            {
                return $"Process {Number} has two VMAs that could be one: {below} and {vma}.";
            }

            below = vma;
            for (ulong at = Table.NextMapped(vma.Start.Value, vma.End.Value); at < vma.End.Value;)
            {
                bool present = Table.TryWalk(at, out ulong pte, out PageSize size);
                if (present)
                {
                    string? broken = FindBrokenEntry(vma, at, pte);
                    if (broken is not null)
                    {
                        return broken;
                    }
                }

                at = Table.NextMapped(at + (size == PageSize.Medium ? HugeBytes : PageBytes), vma.End.Value);
            }
        }

        return null;
    }

    private string? FindBrokenEntry(Vma vma, ulong at, ulong pte)
    {
        PhysicalLayout layout = _kernel.Layout;
        int frame = Pte.Frame(layout, pte);
        ushort keyId = layout.KeyIdOf(pte).Value;
        if (frame == _kernel.ZeroFrame)
        {
            return keyId == 0 ? null : $"I6: the zero page is mapped with KeyID {keyId} at 0x{at:x}.";
        }

        if (_kernel.Pages.State[frame] != FrameState.Used)
        {
            return $"I8: process {Number} maps frame {frame} at 0x{at:x}, which is {_kernel.Pages.State[frame]}.";
        }

        return keyId != vma.KeyId.Value ? $"I6: entry 0x{at:x} has KeyID {keyId} in a VMA with KeyID {vma.KeyId}."
            : keyId != _kernel.Pages.KeyId[frame] ? $"I4: entry 0x{at:x} has KeyID {keyId}, its page {_kernel.Pages.KeyId[frame]}."
            : null;
    }
}
