using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Kernel;

/// <summary>Asking the kernel for a single VMA.</summary>
public unsafe class ProcMapsTests : IDisposable
{
    private const ulong Page = PageNumber.SizeBytes;
    private readonly byte* _memory; // [0] no access, [1, 3) private, [3] shared, [4] no access

    public ProcMapsTests()
    {
        _memory = Map(null, 5, Libc.PROT_NONE, Libc.MAP_PRIVATE);
        _ = Map(_memory + Page, 2, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_FIXED);
        _ = Map(_memory + (3 * Page), 1, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED | Libc.MAP_FIXED);
    }

    [Fact]
    public void A_vma_is_found_by_any_of_its_pages()
    {
        using ProcMaps maps = ProcMaps.TryOpen(Environment.ProcessId)!;
        if (maps.Find(At(1), out VmaOutline first) == Libc.ENOTTY)
        {
            return; // before Linux 6.11
        }

        Assert.Equal(new VmaOutline(new(At(1), At(3)), IsPrivateWithoutFile: true), first);
        Assert.Equal(0, maps.Find(At(2), out VmaOutline same));
        Assert.Equal(first, same);
        Assert.Equal(0, maps.Find(At(3), out VmaOutline shared));
        Assert.Equal(new VmaOutline(new(At(3), At(4)), IsPrivateWithoutFile: false), shared);
    }

    [Fact]
    public void Where_nothing_is_mapped_the_next_one_above_is_found()
    {
        using ProcMaps maps = ProcMaps.TryOpen(Environment.ProcessId)!;
        int errno = maps.Find(default, out VmaOutline lowest);
        Assert.True(errno is 0 or Libc.ENOTTY);
        Assert.Equal(errno == 0, lowest.Range.Start != default);
        errno = maps.Find(new(ulong.MaxValue & ~(Page - 1)), out VmaOutline none);
        Assert.True(errno is Libc.ENOENT or Libc.ENOTTY);
        Assert.Equal(default, none);
    }

    public void Dispose()
    {
        _ = Libc.munmap(_memory, (nuint)(5 * Page));
        GC.SuppressFinalize(this);
    }

    private VirtualAddress At(ulong page) => new((ulong)_memory + (page * Page));

    private static byte* Map(byte* address, ulong pages, int protection, int flags)
    {
        void* memory = Libc.mmap(address, (nuint)(pages * Page), protection, flags | Libc.MAP_ANONYMOUS, -1, 0);
        Assert.NotEqual(Libc.MAP_FAILED, (nint)memory);
        return (byte*)memory;
    }
}
