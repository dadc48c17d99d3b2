using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Tests.Unit.Memory;
using Xunit;

namespace Strongroom.Tests.Conformance.Memory;

public class RemapTests
{
    private const ulong P = PageNumber.SizeBytes;
    private const RemapOptions Move = RemapOptions.MayMove;
    private const RemapOptions Fixed = RemapOptions.MayMove | RemapOptions.Fixed;

    [Fact]
    public void A_moved_mapping_keeps_its_KeyId_and_contents_and_one_reference()
    {
        using MemoryBench bench = Encrypted();
        Assert.Equal(Errno.None, bench.Remap(0x100, 4, 4, Fixed, 0x200, out ulong page));
        Assert.Equal(0x200ul, page);
        Assert.Equal("200-204 rw- 1", bench.Show());
        Assert.Equal(42ul, bench.Machine.Read(0x201));
        Assert.Equal((1, 1L), bench.References(1));
    }

    [Fact]
    public void A_part_can_be_moved_and_merges_only_with_its_own_KeyId()
    {
        using MemoryBench bench = Encrypted();
        bench.Map(0x200, 0x201);
        Assert.Equal(Errno.None, bench.Remap(0x101, 2, 2, Fixed, 0x201, out _));
        Assert.Equal("100-101 rw- 1, 103-104 rw- 1, 200-201 rw- 0, 201-203 rw- 1", bench.Show());
        Assert.Equal((3, 1L), bench.References(1));
        Assert.Equal(Errno.None, bench.Remap(0x103, 1, 1, Fixed, 0x203, out _));
        Assert.Equal("100-101 rw- 1, 200-201 rw- 0, 201-204 rw- 1", bench.Show());
        Assert.Equal((2, 1L), bench.References(1));
    }

    [Fact]
    public void What_lies_at_the_fixed_place_is_unmapped_first()
    {
        using MemoryBench bench = Encrypted();
        bench.Map(0x200, 0x210, Protection.Read);
        bench.Machine.Write(0x203, 9);
        Assert.Equal(Errno.None, bench.Remap(0x100, 4, 2, Fixed, 0x203, out _));
        Assert.Equal("200-203 r-- 0, 203-205 rw- 1, 205-210 r-- 0", bench.Show());
        Assert.Equal((0ul, 42ul), (bench.Machine.Read(0x203), bench.Machine.Read(0x204)));
    }

    [Fact]
    public void Shrinking_drops_the_tail()
    {
        using MemoryBench bench = Encrypted();
        Assert.Equal(Errno.None, bench.Remap(0x100, 4, 1, RemapOptions.None, 0, out ulong page));
        Assert.Equal(0x100ul, page);
        Assert.Equal("100-101 rw- 1", bench.Show());
        Assert.Equal((1, 0L), bench.References(1));
    }

    [Fact]
    public void Growing_stays_in_place_where_there_is_room_and_moves_otherwise()
    {
        using MemoryBench bench = Encrypted();
        Assert.Equal(Errno.None, bench.Remap(0x102, 2, 4, RemapOptions.None, 0, out ulong page));
        Assert.Equal(0x102ul, page);
        Assert.Equal("100-106 rw- 1", bench.Show());
        bench.Map(0x106, 0x107, Protection.Read);
        Assert.Equal(Errno.ENOMEM, bench.Remap(0x100, 6, 8, RemapOptions.None, 0, out _));
        Assert.Equal(Errno.None, bench.Remap(0x100, 6, 8, Move, 0, out page));
        Assert.Equal(8, bench.Space.Find(MemoryBench.At(page))!.PageCount);
        Assert.Equal(42ul, bench.Machine.Read(page + 1));
        Assert.Equal((1, 1L), bench.References(1));
        Assert.Null(bench.Space.Find(MemoryBench.At(0x100)));
    }

    [Fact]
    public void Growing_into_a_neighbour_that_agrees_merges_with_it()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x102);
        bench.Map(0x104, 0x106);
        Assert.Equal(Errno.None, bench.Remap(0x100, 2, 4, RemapOptions.None, 0, out _));
        Assert.Equal("100-106 rw- 0", bench.Show());
    }

    [Fact]
    public void The_old_range_can_be_left_mapped_and_empty()
    {
        using MemoryBench bench = Encrypted();
        Assert.Equal(Errno.None, bench.Remap(0x100, 4, 4, Move | RemapOptions.DontUnmap, 0x300, out ulong page));
        Assert.Equal(0x300ul, page);
        Assert.Equal("100-104 rw- 1, 300-304 rw- 1", bench.Show());
        Assert.Equal((0ul, 42ul), (bench.Machine.Read(0x101), bench.Machine.Read(0x301)));
        Assert.Equal((2, 1L), bench.References(1));
    }

    [Fact]
    public void Shared_memory_is_mapped_a_second_time_by_an_old_length_of_0()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x104, new VmaAttributes(Protection.Read, backing: new(VmaBackingKind.SharedAnonymous, "s")), offsetPages: 3);
        Assert.Equal(Errno.None, bench.Remap(0x102, 0, 2, Fixed, 0x200, out _));
        Assert.Equal([3 * P, 5 * P], bench.Space.Vmas.Select(vma => vma.OffsetBytes));
        bench.Map(0x300, 0x302);
        Assert.Equal(Errno.EINVAL, bench.Remap(0x300, 0, 2, Move, 0, out _));
    }

    [Fact]
    public void Each_check_comes_before_the_next()
    {
        using MemoryBench bench = Encrypted();
        bench.Map(0x104, 0x106, Protection.Read);
        AddressSpace space = bench.Space;
        Errno Call(ulong address, ulong oldLength, ulong newLength, RemapOptions options, ulong place) =>
            space.Remap(new(address), oldLength, newLength, options, new(place), out _);
        Assert.Equal(Errno.EINVAL, Call(0x100_000, P, P, (RemapOptions)8, 0));
        Assert.Equal(Errno.EINVAL, Call(0x100_000, P, P, RemapOptions.Fixed, 0x200_000));
        Assert.Equal(Errno.EINVAL, Call(0x100_000, P, 2 * P, Move | RemapOptions.DontUnmap, 0x200_000));
        Assert.Equal(Errno.EINVAL, Call(0x100_001, P, P, Move, 0));
        Assert.Equal(Errno.EINVAL, Call(0x900_000, P, 0, Move, 0));
        Assert.Equal(Errno.EINVAL, Call(0x900_000, P, 1UL << 48, Move, 0));
        Assert.Equal(Errno.EINVAL, Call(0x900_000, P, P, Fixed, 0x200_001));
        Assert.Equal(Errno.EINVAL, Call(0x900_000, P, P, Fixed, 0x7fff_ffff_f000));
        Assert.Equal(Errno.EINVAL, Call(0x900_000, 3 * P, 3 * P, Fixed, 0x902_000));
        Assert.Equal(Errno.EFAULT, Call(0x900_000, P, P, Move, 0));
        Assert.Equal(Errno.EPERM, Call(0x100_000, P, P, Fixed, 0x1000));
        Assert.Equal(Errno.EFAULT, Call(0x103_000, 2 * P, 3 * P, Move, 0));
        Assert.Equal(Errno.ENOMEM, Call(0x104_000, 2 * P, 0x7fff_ffff_f000, Move, 0));
        Assert.Equal("100-104 rw- 1, 104-106 r-- 0", bench.Show());
    }

    private static MemoryBench Encrypted()
    {
        MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x104));
        bench.Machine.Write(0x101, 42);
        return bench;
    }
}
