using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Kernel;

public unsafe class PagemapScanTests : IDisposable
{
    private const int PageCount = 64;
    private readonly byte* _memory;

    public PagemapScanTests()
    {
        void* memory = Libc.mmap(
            null, PageCount * PageNumber.SizeBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        Assert.NotEqual(Libc.MAP_FAILED, (nint)memory);
        _ = Libc.madvise(memory, PageCount * PageNumber.SizeBytes, Libc.MADV_NOHUGEPAGE);
        _memory = (byte*)memory;
    }

    private AddressRange Range =>
        AddressRange.FromLength(new VirtualAddress((ulong)_memory), PageCount * PageNumber.SizeBytes);

    [Fact]
    public void Only_pages_that_are_there_are_found()
    {
        _memory[3 * 4096] = 1;
        _memory[4 * 4096] = 1;
        _memory[9 * 4096] = 1;
        Assert.Equal(["3+2", "9+1"], Find(PageCategories.Present, PageCategories.None));
    }

    [Fact]
    public void A_page_that_was_only_read_is_the_zero_page()
    {
        _memory[5 * 4096] = 1;
        byte zero = System.Threading.Volatile.Read(ref _memory[6 * 4096]);
        Assert.Equal(0, zero);
        Assert.Equal(["5+2"], Find(PageCategories.Present, PageCategories.None));
        Assert.Equal(["5+1"], Find(PageCategories.Present, PageCategories.ZeroPage));
    }

    [Fact]
    public void A_scan_goes_on_where_its_room_ended()
    {
        for (int page = 0; page < PageCount; page += 2)
        {
            _memory[page * 4096] = 1;
        }

        using PagemapScan scan = Open();
        Span<PageRun> runs = stackalloc PageRun[5];
        PageFilter filter = new(PageCategories.Present, default, default, PageCategories.Present);
        List<ulong> found = [];
        VirtualAddress next = Range.Start;
        while (next != Range.End)
        {
            int n = scan.Find(new AddressRange(next, Range.End), filter, runs, out next);
            Assert.InRange(n, 0, 5);
            foreach (PageRun run in runs[..n])
            {
                found.Add(run.Range.Start.Page.Value - Range.Start.Page.Value);
            }
        }

        Assert.Equal(PageCount / 2, found.Count);
        Assert.Equal(PageCount - 2ul, found[^1]);
    }

    [Fact]
    public void Own_mappings_are_listed_in_order_with_this_memory_among_them()
    {
        using ProcMaps? maps = ProcMaps.TryOpen(Environment.ProcessId);
        Assert.NotNull(maps);
        Assert.True(maps.Refresh());
        ulong end = 0;
        bool seen = false;
        foreach (Vma vma in maps)
        {
            Assert.True(vma.Range.Start.Value >= end);
            end = vma.Range.End.Value;
            seen |= vma.Range.Contains(Range.Start) && vma.IsPrivateAnonymous;
        }

        Assert.True(seen);
    }

    [Fact]
    public void Reading_mappings_again_allocates_nothing()
    {
        using ProcMaps? maps = ProcMaps.TryOpen(Environment.ProcessId);
        Assert.NotNull(maps);
        for (int i = 0; i < 3; i++)
        {
            _ = Count(maps);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        int count = Count(maps);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(count > 10);
    }

    [Fact]
    public void A_process_that_does_not_exist_has_no_maps()
    {
        Assert.Null(ProcMaps.TryOpen(int.MaxValue));
        Assert.Null(PagemapScan.TryOpen(int.MaxValue));
    }

    public void Dispose()
    {
        _ = Libc.munmap(_memory, PageCount * PageNumber.SizeBytes);
        GC.SuppressFinalize(this);
    }

    private static int Count(ProcMaps maps)
    {
        Assert.True(maps.Refresh());
        int count = 0;
        foreach (Vma vma in maps)
        {
            count += vma.Range.IsEmpty ? 0 : 1;
        }

        return count;
    }

    private static PagemapScan Open()
    {
        PagemapScan? scan = PagemapScan.TryOpen(Environment.ProcessId);
        Assert.NotNull(scan);
        return scan;
    }

    private List<string> Find(PageCategories anyOf, PageCategories noneOf)
    {
        using PagemapScan scan = Open();
        Span<PageRun> runs = stackalloc PageRun[PageCount];
        int n = scan.Find(Range, new PageFilter(anyOf, default, noneOf, PageCategories.None), runs, out VirtualAddress next);
        Assert.True(n >= 0, $"errno {-n}");
        Assert.Equal(Range.End, next);
        List<string> found = [];
        foreach (PageRun run in runs[..n])
        {
            ulong first = run.Range.Start.Page.Value - Range.Start.Page.Value;
            found.Add($"{first}+{run.Range.LengthBytes / PageNumber.SizeBytes}");
        }

        return found;
    }
}
