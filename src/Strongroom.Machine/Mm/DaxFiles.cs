using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>A file on persistent memory.</summary>
/// <param name="name">For listings.</param>
/// <param name="sizeBytes">Its size; beyond it accesses raise SIGBUS.</param>
internal sealed class DaxFile(string name, long sizeBytes)
{
    /// <summary>Gets the size.</summary>
    internal long SizeBytes { get; } = sizeBytes;

    /// <summary>Gets what VMAs of the file refer to.</summary>
    internal VmaBacking Backing { get; } = new(VmaBackingKind.SharedFile, name);

    /// <summary>Gets the frames of written blocks by their index; a hole has none.</summary>
    internal Dictionary<long, int> Blocks { get; } = [];
}

/// <summary>Files on persistent memory, mapped without a page cache (fs/dax.c).</summary>
/// <remarks>
/// <para>The series left persistent memory for later, and encrypt_mprotect refuses files; so blocks are under KeyID 0, and reading a
/// hole maps the shared zero page by the same helper as anonymous memory ("mm: Add helpers to setup zero page mappings").
/// KeyID 0 has another key after each cold reset, so what such a file holds is noise then, unless firmware excludes its memory from TME.</para>
/// <para>Blocks are ordinary frames of the model that stay; file systems, journals and errors of media are not modelled. Thread safety:
/// none.</para>
/// </remarks>
internal sealed class DaxFiles
{
    private const ulong PageBytes = 4096;

    private readonly ModelKernel _kernel;
    private readonly Dictionary<VmaBacking, DaxFile> _files = [];

    /// <summary>Makes an empty file system.</summary>
    internal DaxFiles(ModelKernel kernel)
    {
        _kernel = kernel;
    }

    /// <summary>Makes a file of holes.</summary>
    internal DaxFile Create(string name, long sizeBytes)
    {
        DaxFile file = new(name, sizeBytes);
        _files.Add(file.Backing, file);
        return file;
    }

    /// <summary>mmap(MAP_SHARED) of a file from its beginning.</summary>
    internal static Errno Map(Process process, DaxFile file, ulong lengthBytes, out ulong address)
    {
        VmaAttributes attributes = new(Protection.ReadWrite, Protection.ReadWrite, VmaTraits.None, default, file.Backing);
        Errno errno = process.Space.Map(new MapRequest(lengthBytes, attributes), out VirtualAddress at);
        address = at.Value;
        return errno;
    }

    /// <summary>Handles a fault in a VMA that is neither anonymous nor secret.</summary>
    /// <returns>SIGBUS beyond the end, and in mappings that have no pages in the model.</returns>
    internal AccessResult Fault(Process process, int cpu, Vma vma, ulong page, bool isWrite)
    {
        long index = (long)((page - vma.Start.Value + vma.OffsetBytes) / PageBytes);
        if (!_files.TryGetValue(vma.Backing, out DaxFile? file) || index * (long)PageBytes >= file.SizeBytes)
        {
            return AccessResult.BusError;
        }

        if (!file.Blocks.TryGetValue(index, out int frame))
        {
            if (!isWrite)
            {
                process.MapZeroPage(vma, page);
                return AccessResult.Done;
            }

            frame = _kernel.Allocator.Allocate(cpu, Gfp.Zero, vma.KeyId.Value, 0, _kernel.Platform.PackageOfCpu(cpu));
            if (frame < 0)
            {
                return AccessResult.OutOfMemory;
            }

            _kernel.Pages.Flags[frame] |= PageFlags.Unevictable;
            file.Blocks.Add(index, frame);
            _kernel.UnmapHole(vma.Backing, index);
        }

        // Special: the file holds the block, not this entry.
        ulong flags = Process.FlagsFor(vma.Protection, writable: true) | Pte.Special;
        process.Table.Set(page, Pte.Make(_kernel.Layout, frame, vma.KeyId.Value, flags));
        return AccessResult.Done;
    }
}
