using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/fs.h: PAGEMAP_SCAN (Linux 6.7), PROCMAP_QUERY (6.11).</content>
internal static partial class Libc
{
    internal const nuint PAGEMAP_SCAN = 0xc0606610;
    internal const nuint PROCMAP_QUERY = 0xc0686611;

    internal const ulong PAGE_IS_FILE = 1 << 2;
    internal const ulong PAGE_IS_PRESENT = 1 << 3;
    internal const ulong PAGE_IS_SWAPPED = 1 << 4;
    internal const ulong PAGE_IS_PFNZERO = 1 << 5;
    internal const ulong PAGE_IS_HUGE = 1 << 6;

    internal const ulong PROCMAP_QUERY_VMA_SHARED = 1 << 3;
    internal const ulong PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 1 << 4;
}

/// <summary>A run of pages of one kind.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct page_region
{
    /// <summary>First address.</summary>
    internal ulong start;

    /// <summary>First address after it.</summary>
    internal ulong end;

    /// <summary>PAGE_IS_ flags.</summary>
    internal ulong categories;
}

/// <summary>Argument of PAGEMAP_SCAN.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct pm_scan_arg
{
    internal ulong size;
    internal ulong flags;
    internal ulong start;
    internal ulong end;

    /// <summary>Written by the kernel: where the walk stopped.</summary>
    internal ulong walk_end;
    internal ulong vec;
    internal ulong vec_len;
    internal ulong max_pages;
    internal ulong category_inverted;
    internal ulong category_mask;
    internal ulong category_anyof_mask;
    internal ulong return_mask;
}

/// <summary>Argument of PROCMAP_QUERY.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct procmap_query
{
    internal ulong size;
    internal ulong query_flags;
    internal ulong query_addr;
    internal ulong vma_start;
    internal ulong vma_end;

    /// <summary>PROCMAP_QUERY_VMA_ flags.</summary>
    internal ulong vma_flags;
    internal ulong vma_page_size;
    internal ulong vma_offset;

    /// <summary>0: no file.</summary>
    internal ulong inode;
    internal uint dev_major;
    internal uint dev_minor;
    internal uint vma_name_size;
    internal uint build_id_size;
    internal ulong vma_name_addr;
    internal ulong build_id_addr;
}
