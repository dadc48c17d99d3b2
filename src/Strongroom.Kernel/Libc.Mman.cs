using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>Bindings of <c>sys/mman.h</c>: mmap(2), mprotect(2), madvise(2), mlock(2).</content>
internal static partial class Libc
{
    internal const int PROT_NONE = 0x0;
    internal const int PROT_READ = 0x1;
    internal const int PROT_WRITE = 0x2;
    internal const int PROT_EXEC = 0x4;

    internal const int MAP_SHARED = 0x01;
    internal const int MAP_PRIVATE = 0x02;
    internal const int MAP_FIXED = 0x10;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;
    internal const int MAP_POPULATE = 0x8000;
    internal const int MAP_HUGETLB = 0x40000;
    internal const int MAP_FIXED_NOREPLACE = 0x100000;

    internal const int MADV_DONTNEED = 4;
    internal const int MADV_FREE = 8;
    internal const int MADV_DONTFORK = 10;
    internal const int MADV_DOFORK = 11;
    internal const int MADV_MERGEABLE = 12;
    internal const int MADV_UNMERGEABLE = 13;
    internal const int MADV_HUGEPAGE = 14;
    internal const int MADV_NOHUGEPAGE = 15;
    internal const int MADV_DONTDUMP = 16;
    internal const int MADV_DODUMP = 17;
    internal const int MADV_WIPEONFORK = 18;
    internal const int MADV_KEEPONFORK = 19;
    internal const int MADV_POPULATE_READ = 22;
    internal const int MADV_POPULATE_WRITE = 23;
    internal const int MADV_GUARD_INSTALL = 102;

    /// <summary>The value that <see cref="mmap"/> returns when the kernel refused.</summary>
    internal const nint MAP_FAILED = -1;

    /// <summary>
    /// Tells whether <see cref="mmap"/> refused. A plain cast of its result would overflow, since arithmetic is
    /// checked.
    /// </summary>
    internal static unsafe bool IsMapFailed(void* address) => unchecked((nint)address) == MAP_FAILED;

    /// <summary>Maps memory; mmap(2).</summary>
    /// <param name="address">Where, page-aligned, or null to let the kernel choose.</param>
    /// <param name="length">Length in bytes; the kernel rounds it up to whole pages.</param>
    /// <param name="prot">PROT_ flags.</param>
    /// <param name="flags">MAP_ flags.</param>
    /// <param name="fd">The file, or -1 with MAP_ANONYMOUS.</param>
    /// <param name="offset">Offset in the file in bytes; page-aligned.</param>
    /// <returns>
    /// The address, or <see cref="MAP_FAILED"/>: EAGAIN and ENOMEM (RLIMIT_MEMLOCK, address space or memory), EEXIST
    /// (MAP_FIXED_NOREPLACE over a mapping), EINVAL, EPERM (PROT_EXEC on a noexec file or refused by policy), EACCES.
    /// </returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial void* mmap(void* address, nuint length, int prot, int flags, int fd, long offset);

    /// <summary>Unmaps whole pages; munmap(2).</summary>
    /// <returns>0, or -1: EINVAL, ENOMEM (splitting would pass vm.max_map_count).</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int munmap(void* address, nuint length);

    /// <summary>Changes the protection of whole pages; mprotect(2).</summary>
    /// <returns>0, or -1: EACCES (refused by policy, for example execmem), EINVAL, ENOMEM.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int mprotect(void* address, nuint length, int prot);

    /// <summary>Advises the kernel about whole pages; madvise(2). Advice values are numbers, not flags.</summary>
    /// <returns>0, or -1: EINVAL (unknown advice, or one this mapping cannot take), ENOMEM, EAGAIN.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int madvise(void* address, nuint length, int advice);

    /// <summary>Locks pages in memory; mlock(2).</summary>
    /// <returns>0, or -1: ENOMEM (RLIMIT_MEMLOCK), EPERM (the limit is 0), EAGAIN.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int mlock(void* address, nuint length);

    /// <summary>Unlocks pages; munlock(2).</summary>
    /// <returns>0, or -1: ENOMEM, EINVAL.</returns>
    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int munlock(void* address, nuint length);
}
