using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>What is known of a page without touching it.</summary>
[Flags]
internal enum PageCategories : ulong
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A page of a file or of shared memory, not a private copy.</summary>
    File = Libc.PAGE_IS_FILE,

    /// <summary>In memory and mapped.</summary>
    Present = Libc.PAGE_IS_PRESENT,

    /// <summary>On swap, or in migration.</summary>
    Swapped = Libc.PAGE_IS_SWAPPED,

    /// <summary>The shared page of zeros: read, never written.</summary>
    ZeroPage = Libc.PAGE_IS_PFNZERO,

    /// <summary>Mapped by a huge entry: transparent or hugetlbfs.</summary>
    Huge = Libc.PAGE_IS_HUGE,
}

/// <summary>A run of pages of the same categories.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct PageRun
{
    private readonly page_region _region;

    /// <summary>Gets the addresses.</summary>
    internal AddressRange Range => new(new VirtualAddress(_region.start), new VirtualAddress(_region.end));

    /// <summary>Gets the categories, of those that were asked for.</summary>
    internal PageCategories Categories => (PageCategories)_region.categories;
}

/// <summary>Which pages of a scan match.</summary>
/// <param name="AnyOf">At least one of these; <see cref="PageCategories.None"/> asks nothing.</param>
/// <param name="AllOf">Every one of these.</param>
/// <param name="NoneOf">None of these.</param>
/// <param name="Report">The categories to tell apart; runs are split where these differ, and only where they do.</param>
internal readonly record struct PageFilter(
    PageCategories AnyOf, PageCategories AllOf, PageCategories NoneOf, PageCategories Report);

/// <summary>Tells which pages of a process are there, without faulting any in; /proc/PID/pagemap, PAGEMAP_SCAN.</summary>
/// <remarks>
/// Belongs to the memory that the process had when this was opened, as <see cref="ProcMaps"/> does. Thread safety: any thread.
/// Allocates: no. Source: Documentation/admin-guide/mm/pagemap.rst, PAGEMAP_SCAN(2const).
/// </remarks>
internal sealed class PagemapScan : OwnedDescriptor
{
    private PagemapScan(int fd)
        : base(fd)
    {
    }

    /// <summary>Opens the page map of a process.</summary>
    /// <returns>The page map, or null when the process is gone.</returns>
    /// <exception cref="KernelException">EACCES or EPERM: no right to read that process.</exception>
    internal static PagemapScan? TryOpen(int pid)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/pagemap");
        int fd = OpenNumber(path, flags: 0, out int errno);
        return fd >= 0 ? new PagemapScan(fd)
            : errno is Libc.ENOENT or Libc.ESRCH ? null
            : throw new KernelException(errno, $"open of {path}");
    }

    /// <summary>Tells whether a page was written, or mapped, since its soft-dirty bit was cleared (/proc/PID/clear_refs).</summary>
    /// <returns>False also where the kernel has no such bits (CONFIG_MEM_SOFT_DIRTY), and when the process is gone.</returns>
    /// <remarks>Bit 55 of the page's entry; Documentation/admin-guide/mm/soft-dirty.rst.</remarks>
    internal bool IsSoftDirty(PageNumber page)
    {
        Span<byte> entry = stackalloc byte[sizeof(ulong)];
        return ReadAt(entry, (long)page.Value * entry.Length) == entry.Length && (BinaryPrimitives.ReadUInt64LittleEndian(entry) >> 55 & 1) != 0;
    }

    /// <summary>Finds the pages in a range that match.</summary>
    /// <param name="range">Page-aligned; may hold holes and several mappings, and parts of the address space.</param>
    /// <param name="filter">Which pages.</param>
    /// <param name="runs">Receives the runs, ascending; at least one long.</param>
    /// <param name="next">
    /// Where to go on: the end of <paramref name="range"/> when all of it was seen, less when <paramref name="runs"/> was full.
    /// </param>
    /// <returns>The number of runs, or a negative errno: ESRCH (gone), EINTR, ENOTTY (before Linux 6.7), EINVAL, EFAULT.</returns>
    internal unsafe int Find(AddressRange range, PageFilter filter, Span<PageRun> runs, out VirtualAddress next)
    {
        fixed (PageRun* vec = runs)
        {
            // SAFETY: PageRun is exactly one page_region, so the kernel may write runs.Length of them to the pinned span.
            pm_scan_arg argument = new()
            {
                size = (ulong)sizeof(pm_scan_arg),
                start = range.Start.Value,
                end = range.End.Value,
                vec = (ulong)vec,
                vec_len = (ulong)runs.Length,

                // A category in `category_mask` must be set, or clear when `category_inverted` names it too.
                category_inverted = (ulong)filter.NoneOf,
                category_mask = (ulong)(filter.AllOf | filter.NoneOf),
                category_anyof_mask = (ulong)filter.AnyOf,
                return_mask = (ulong)filter.Report,
            };
            int n = Libc.ioctl(this, Libc.PAGEMAP_SCAN, &argument);
            if (n < 0)
            {
                next = range.Start;
                return -Marshal.GetLastPInvokeError();
            }

            next = new VirtualAddress(argument.walk_end);
            return n;
        }
    }
}
