using System;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>What a mapping allows and how it is shared.</summary>
[Flags]
internal enum VmaAccess : byte
{
    /// <summary>Nothing: PROT_NONE, private.</summary>
    None = 0,

    /// <summary>May be read.</summary>
    Read = 1,

    /// <summary>May be written.</summary>
    Write = 2,

    /// <summary>May be executed.</summary>
    Execute = 4,

    /// <summary>MAP_SHARED.</summary>
    Shared = 8,
}

/// <summary>What a mapping holds, told from its line in /proc/PID/maps.</summary>
internal enum VmaKind : byte
{
    /// <summary>Private anonymous memory, also with a name given by prctl(2) PR_SET_VMA.</summary>
    Anonymous,

    /// <summary>The brk heap.</summary>
    Heap,

    /// <summary>The first thread's stack.</summary>
    Stack,

    /// <summary>A private mapping of a file: its pages, and copies of those that were written.</summary>
    FilePrivate,

    /// <summary>A shared mapping of a file.</summary>
    FileShared,

    /// <summary>Shared memory without a lasting file: MAP_SHARED|MAP_ANONYMOUS, memfd, shm_open, System V.</summary>
    SharedMemory,

    /// <summary>Memory of memfd_secret(2).</summary>
    Secret,

    /// <summary>Huge pages of hugetlbfs.</summary>
    HugeTlb,

    /// <summary>A character or block device, or another object with pages of its own (dma-buf, io_uring rings).</summary>
    Device,

    /// <summary>What the kernel maps into every process: vdso, vvar, vsyscall, uprobes.</summary>
    Kernel,
}

/// <summary>One line of /proc/PID/maps; proc_pid_maps(5).</summary>
internal readonly struct Vma
{
    /// <summary>Makes the description of one mapping.</summary>
    internal Vma(AddressRange range, VmaAccess access, VmaKind kind, ulong offset, VmaFile file, VmaName name)
    {
        Range = range;
        Access = access;
        Kind = kind;
        Offset = offset;
        File = file;
        Name = name;
    }

    /// <summary>Gets the addresses.</summary>
    internal AddressRange Range { get; }

    /// <summary>Gets what it allows.</summary>
    internal VmaAccess Access { get; }

    /// <summary>Gets what it holds.</summary>
    internal VmaKind Kind { get; }

    /// <summary>Gets the offset of its first byte in the file, in bytes.</summary>
    internal ulong Offset { get; }

    /// <summary>Gets the file; the default when there is none.</summary>
    internal VmaFile File { get; }

    /// <summary>Gets where its name lies in the text it was read from; see <see cref="ProcMaps.NameOf"/>.</summary>
    internal VmaName Name { get; }

    /// <summary>Gets a value indicating whether it is private memory that began as zeros: anonymous, heap or stack.</summary>
    internal bool IsPrivateAnonymous => Kind <= VmaKind.Stack;

    /// <summary>Gets a value indicating whether any of the flags is set.</summary>
    internal bool Allows(VmaAccess access) => (Access & access) != 0;
}

/// <summary>What the kernel tells of a single VMA when it is asked for that one; PROCMAP_QUERY.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="IsPrivateWithoutFile">Anonymous memory, or what the kernel maps into every process.</param>
internal readonly record struct VmaOutline(AddressRange Range, bool IsPrivateWithoutFile);

/// <summary>The file behind a mapping.</summary>
/// <param name="Major">Major device number.</param>
/// <param name="Minor">Minor device number.</param>
/// <param name="Inode">Inode number; 0 for no file.</param>
internal readonly record struct VmaFile(uint Major, uint Minor, ulong Inode);

/// <summary>A piece of the text of /proc/PID/maps.</summary>
/// <param name="Start">Index of its first byte.</param>
/// <param name="Length">Its length in bytes; 0 for a mapping without a name.</param>
internal readonly record struct VmaName(int Start, int Length);
