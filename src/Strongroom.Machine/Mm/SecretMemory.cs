using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>Modes of secretmemfd(2), third version.</summary>
[Flags]
internal enum SecretFlags : uint
{
    /// <summary>None: accepted at creation, but such a file cannot be mapped.</summary>
    None = 0,

    /// <summary>SECRETMEM_EXCLUSIVE: the pages leave the direct map.</summary>
    Exclusive = 1,

    /// <summary>SECRETMEM_UNCACHED: the same, and the user mapping is not cached.</summary>
    Uncached = 2,
}

/// <summary>A file of secret memory, or an open /dev/xpfo.</summary>
internal sealed class SecretFile
{
    /// <summary>Makes an empty file.</summary>
    internal SecretFile(SecretFlags flags, VmaBackingKind kind, KeyId keyId)
    {
        Flags = flags;
        KeyId = keyId;
        Backing = new VmaBacking(kind, kind == VmaBackingKind.Device ? "/dev/xpfo" : "[secretmem]");
    }

    /// <summary>Gets the mode.</summary>
    internal SecretFlags Flags { get; }

    /// <summary>Gets the KeyID of its pages; 0 unless it is a /dev/xpfo with a key.</summary>
    internal KeyId KeyId { get; }

    /// <summary>Gets what VMAs of it say they map.</summary>
    internal VmaBacking Backing { get; }

    /// <summary>Gets the size in bytes: 0 until it is set, once.</summary>
    internal long SizeBytes { get; set; }

    /// <summary>Gets or sets a value indicating whether a descriptor is open.</summary>
    internal bool IsOpen { get; set; } = true;

    /// <summary>Gets the page cache: frames by page of the file.</summary>
    internal Dictionary<long, int> Cache { get; } = [];

    /// <summary>Gets the first frames of the 2 MiB chunks that its pages come from.</summary>
    internal List<int> Chunks { get; } = [];

    /// <summary>Gets or sets the pages that were taken from the last chunk.</summary>
    internal int UsedOfLastChunk { get; set; }

    /// <summary>Gets pages of the chunks that were taken and came back: another CPU's fault was first.</summary>
    internal Stack<int> Returned { get; } = [];
}

/// <summary>Memory that the kernel cannot read: pages off the direct map, in chunks of 2 MiB for each file.</summary>
/// <remarks>
/// <para>A chunk leaves the direct map as a whole when it is allocated and comes back when its file goes: the map is
/// split once for 512 pages. With a boot reserve chunks come from it only; it is one range, aligned so that it splits
/// one large page of the direct map at most. Pages are unevictable, cannot be migrated or pinned, and hibernation is
/// refused while a file lives.</para>
/// <para>Order at the end: direct map restored, pages cleared, pages freed. Source: "secretmemfd", version 3, July
/// 2020; Linux mm/secretmem.c.</para>
/// <para>Thread safety: none.</para>
/// </remarks>
internal sealed class SecretMemory
{
    private const int ChunkOrder = 9;
    private const int ChunkPages = 1 << ChunkOrder;
    private const int PageBytes = 4096;
    private const long ChunkBytes = ChunkPages * PageBytes;
    private const long LargeBytes = 1L << 30;

    private readonly ModelKernel _kernel;
    private readonly Dictionary<VmaBacking, SecretFile> _files = [];
    private readonly Stack<int> _reserve = [];
    /// <summary>Takes the boot reserve over.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="firstFrame">The first frame that boot kept from the page allocator.</param>
    /// <param name="frameCount">How many; 0 for no reserve.</param>
    internal SecretMemory(ModelKernel kernel, int firstFrame, int frameCount)
    {
        _kernel = kernel;
        for (int frame = firstFrame + frameCount - ChunkPages; frame >= firstFrame; frame -= ChunkPages)
        {
            _reserve.Push(frame);
        }

        ReserveBytes = (long)frameCount * PageBytes;
    }

    /// <summary>Gets the size of the boot reserve, used or not.</summary>
    internal long ReserveBytes { get; }

    /// <summary>Gets or sets what other CPUs do while a fault has its page and has not put it into the file yet.</summary>
    internal Action? DuringFault { get; set; }

    /// <summary>Gets the number of files that live: a descriptor is open, or something maps them.</summary>
    internal int FileCount
    {
        get
        {
            Sweep(cpu: 0);
            return _files.Count;
        }
    }

    /// <summary>Chooses the frames that "secretmem=" keeps from the page allocator.</summary>
    /// <param name="wantedBytes">What was asked for; rounded up to chunks.</param>
    /// <param name="endBytes">The end of the memory of the first package.</param>
    /// <returns>The highest range that is aligned to 2 MiB, or to 1 GiB if it is as large; empty when none fits, and
    /// then there is no reserve.</returns>
    internal static (int FirstFrame, int FrameCount) ChooseReserve(long wantedBytes, long endBytes)
    {
        long size = (Math.Min(wantedBytes, endBytes) + ChunkBytes - 1) / ChunkBytes * ChunkBytes;
        long alignment = size >= LargeBytes ? LargeBytes : ChunkBytes;
        long start = (endBytes - size) / alignment * alignment;
        return wantedBytes <= 0 || wantedBytes > endBytes || start <= 0 ? (0, 0) : ((int)(start / PageBytes), (int)(size / PageBytes));
    }

    /// <summary>Counts the references to slots that open files hold, beside those of their mappings.</summary>
    internal void CountReferences(long[] counted)
    {
        foreach (SecretFile file in _files.Values)
        {
            counted[file.KeyId.Value]++;
        }
    }

    /// <summary>secretmemfd(flags).</summary>
    /// <returns>EINVAL for an unknown bit or both modes.</returns>
    internal Errno Create(SecretFlags flags, out SecretFile? file)
    {
        file = null;
        const SecretFlags Both = SecretFlags.Exclusive | SecretFlags.Uncached;
        if ((flags & ~Both) != 0 || flags == Both)
        {
            return Errno.EINVAL;
        }

        file = Register(new SecretFile(flags, VmaBackingKind.Secret, default));
        return Errno.None;
    }

    /// <summary>
    /// Opens /dev/xpfo, with a key or without: the same pages as a PFN map, each mapping with its own KeyID.
    /// </summary>
    /// <returns>What the key service answers for the key; EINVAL for a key without a KeyID.</returns>
    internal Errno OpenDevice(Process process, KeySerial? key, out SecretFile? file)
    {
        file = null;
        KeyId keyId = default;
        if (key is { } serial)
        {
            Errno errno = _kernel.Keys.Hold(process.Caller, serial, KeyPermissions.View, out KeyHold hold);
            using KeyHold held = hold;
            if (errno != Errno.None || hold.KeyId.IsPlatform)
            {
                return errno != Errno.None ? errno : Errno.EINVAL;
            }

            // The open file is a user of the slot like a VMA.
            _kernel.Keys.Slots.AddVma(hold.KeyId);
            keyId = hold.KeyId;
        }

        file = Register(new SecretFile(SecretFlags.Exclusive, VmaBackingKind.Device, keyId));
        return Errno.None;
    }

    /// <summary>ftruncate: sets the size, once.</summary>
    internal static Errno Truncate(SecretFile file, long sizeBytes)
    {
        if (file.SizeBytes != 0 || sizeBytes < 0)
        {
            return Errno.EINVAL;
        }

        file.SizeBytes = sizeBytes;
        return Errno.None;
    }

    /// <summary>mmap of a file: shared, locked, not dumped.</summary>
    /// <returns>EINVAL (no mode, or private), EAGAIN (RLIMIT_MEMLOCK), or what mmap answers.</returns>
    internal static Errno Map(Process process, SecretFile file, ulong lengthBytes, bool isShared, out ulong address)
    {
        address = 0;
        if (file.Flags == SecretFlags.None || !isShared)
        {
            return Errno.EINVAL;
        }

        ulong rounded = (lengthBytes + PageBytes - 1) & ~(ulong)(PageBytes - 1);
        if (process.LockedBytes + (long)rounded > process.LockedLimitBytes)
        {
            return Errno.EAGAIN;
        }

        VmaAttributes attributes = new(
            Protection.ReadWrite, Protection.ReadWrite, VmaTraits.Locked | VmaTraits.DontDump, file.KeyId, file.Backing);
        Errno errno = process.Space.Map(new MapRequest(lengthBytes, attributes), out VirtualAddress at);
        if (errno == Errno.None)
        {
            address = at.Value;
        }

        return errno;
    }

    /// <summary>close: the file goes when nothing maps it any more.</summary>
    internal void Close(Process process, SecretFile file)
    {
        file.IsOpen = false;
        Sweep(process.Cpu);
    }

    /// <summary>Tells whether the machine may hibernate: not while secrets would be written to disk.</summary>
    internal bool CanHibernate() => FileCount == 0;

    /// <summary>Handles a fault in a VMA of a file.</summary>
    internal AccessResult Fault(Process process, int cpu, Vma vma, ulong page)
    {
        SecretFile file = _files[vma.Backing];
        long index = (long)((page - vma.Start.Value + vma.OffsetBytes) / PageBytes);
        if (index * PageBytes >= file.SizeBytes)
        {
            return AccessResult.BusError;
        }

        if (!file.Cache.TryGetValue(index, out int frame))
        {
            frame = TakePage(cpu, file);
            if (frame < 0)
            {
                return AccessResult.OutOfMemory;
            }

            DuringFault?.Invoke();
            if (!file.Cache.TryAdd(index, frame))
            {
                // Another CPU's fault was first (EEXIST): its page is the file's, this one is for the next.
                file.Returned.Push(frame);
                frame = file.Cache[index];
            }
        }

        // Special: the file holds the page, and nothing may pin it through this entry.
        ulong flags = Process.FlagsFor(vma.Protection, writable: true) | Pte.Special;
        flags |= (file.Flags & SecretFlags.Uncached) != 0 ? Pte.Uncached : 0;
        process.Table.Set(page, Pte.Make(_kernel.Layout, frame, vma.KeyId.Value, flags));
        return AccessResult.Done;
    }

    /// <summary>Lets go of the files that are closed and that nothing maps.</summary>
    /// <remarks>VMAs are asked, not counted: they also grow, shrink, move and fork. So a file goes when the call that unmapped
    /// the last of it is over, or at the next that needs memory of it.</remarks>
    internal void Sweep(int cpu)
    {
        foreach (SecretFile file in new List<SecretFile>(_files.Values))
        {
            if (!file.IsOpen && !_kernel.IsMapped(file.Backing))
            {
                Release(cpu, file);
            }
        }
    }

    /// <summary>Pages under a KeyID need the page allocator, which counts them.</summary>
    private bool IsFromReserve(KeyId keyId) => ReserveBytes > 0 && keyId.IsPlatform;

    private SecretFile Register(SecretFile file)
    {
        _files.Add(file.Backing, file);
        return file;
    }

    private int TakePage(int cpu, SecretFile file)
    {
        if (file.Returned.TryPop(out int returned))
        {
            return returned;
        }

        if (file.Chunks.Count == 0 || file.UsedOfLastChunk == ChunkPages)
        {
            int chunk = TakeChunk(cpu, file.KeyId);
            if (chunk < 0)
            {
                return -1;
            }

            file.Chunks.Add(chunk);
            file.UsedOfLastChunk = 0;
        }

        return file.Chunks[^1] + file.UsedOfLastChunk++;
    }

    private int TakeChunk(int cpu, KeyId keyId)
    {
        Sweep(cpu);
        bool isReserved = IsFromReserve(keyId);
        int chunk = isReserved
            ? (_reserve.TryPop(out int reserved) ? reserved : -1)
            : _kernel.Allocator.Allocate(cpu, Gfp.Zero, keyId.Value, ChunkOrder, _kernel.Platform.PackageOfCpu(cpu));
        if (chunk < 0)
        {
            return -1;
        }

        if (isReserved)
        {
            _kernel.Pages.State.AsSpan(chunk, ChunkPages).Fill(FrameState.Used);
            ((IFrameMemory)_kernel).Zero(cpu, chunk, ChunkPages, 0);
        }

        _kernel.Pages.Flags.AsSpan(chunk, ChunkPages).Fill(PageFlags.OffDirectMap | PageFlags.Unevictable);
        bool flush = _kernel.Mutant != Mutant.SecretSkipsTlbFlush;
        _kernel.DirectMap.Change(chunk, ChunkPages, set: 0, clear: Pte.Present, flush);
        return chunk;
    }

    private void Release(int cpu, SecretFile file)
    {
        foreach (int chunk in file.Chunks)
        {
            _kernel.DirectMap.Change(chunk, ChunkPages, set: Pte.Present, clear: 0);
            _kernel.DirectMap.Join(chunk, ChunkPages);
            if (_kernel.Mutant != Mutant.SecretSkipsClear)
            {
                ((IFrameMemory)_kernel).Zero(cpu, chunk, ChunkPages, _kernel.Pages.KeyId[chunk]);
            }

            _kernel.Pages.Flags.AsSpan(chunk, ChunkPages).Clear();
            if (IsFromReserve(file.KeyId))
            {
                _kernel.Pages.State.AsSpan(chunk, ChunkPages).Fill(FrameState.Reserved);
                _reserve.Push(chunk);
            }
            else
            {
                _ = _kernel.Allocator.Put(cpu, chunk); // the only reference
            }
        }

        _ = _files.Remove(file.Backing);
        _kernel.Keys.Slots.DropVma(file.KeyId);
    }
}
