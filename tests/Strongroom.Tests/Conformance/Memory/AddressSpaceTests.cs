using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Tests.Unit.Memory;
using Xunit;

namespace Strongroom.Tests.Conformance.Memory;

public class AddressSpaceTests
{
    private const ulong P = PageNumber.SizeBytes;

    [Fact]
    public void Adjacent_mappings_that_agree_become_one_VMA()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x102);
        bench.Map(0x104, 0x106);
        bench.Map(0x102, 0x104);
        Assert.Equal("100-106 rw- 0", bench.Show());
        bench.Map(0x106, 0x108, Protection.Read);
        Assert.Equal("100-106 rw- 0, 106-108 r-- 0", bench.Show());
    }

    [Fact]
    public void New_memory_has_KeyId_0_and_does_not_merge_with_encrypted_memory()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x102));
        bench.Map(0x102, 0x104);
        Assert.Equal("100-102 rw- 1, 102-104 rw- 0", bench.Show());
        bench.Map(0x100, 0x101);
        Assert.Equal("100-101 rw- 0, 101-102 rw- 1, 102-104 rw- 0", bench.Show());
    }

    [Fact]
    public void Files_merge_only_where_their_offsets_continue()
    {
        using MemoryBench bench = new();
        VmaBacking file = new(VmaBackingKind.PrivateFile, "f");
        VmaAttributes attributes = new(Protection.Read, backing: file);
        bench.Map(0x100, 0x102, attributes, offsetPages: 5);
        bench.Map(0x102, 0x104, attributes, offsetPages: 7);
        bench.Map(0x104, 0x106, attributes, offsetPages: 7);
        bench.Map(0x106, 0x107, new VmaAttributes(Protection.Read, backing: new(VmaBackingKind.PrivateFile, "f")), offsetPages: 9);
        Assert.Equal("100-104 r-- 0, 104-106 r-- 0, 106-107 r-- 0", bench.Show());
        Assert.Equal(Errno.None, bench.Unmap(0x101, 0x103));
        Assert.Equal([5 * P, 8 * P, 7 * P, 9 * P], bench.Space.Vmas.Select(vma => vma.OffsetBytes));
    }

    [Fact]
    public void Unmap_splits_a_VMA_in_two_and_each_half_holds_a_reference()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x106);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x106));
        bench.Machine.Write(0x102, 1);
        bench.Machine.Write(0x105, 2);
        Assert.Equal(Errno.None, bench.Unmap(0x102, 0x104));
        Assert.Equal("100-102 rw- 1, 104-106 rw- 1", bench.Show());
        Assert.Equal((2, 1L), bench.References(1));
        Assert.Equal(Errno.None, bench.Unmap(0x100, 0x200));
        Assert.Equal((0, 0L), bench.References(1));
    }

    [Theory]
    [InlineData(0x100_001UL, P)]
    [InlineData(0x100_000UL, 0UL)]
    [InlineData(0x7fff_ffff_f000UL, P)]
    [InlineData(0xffff_ffff_ffff_f000UL, P)]
    [InlineData(0x100_000UL, ulong.MaxValue)]
    public void Unmapping_checks_its_arguments(ulong address, ulong length)
    {
        using MemoryBench bench = new();
        Assert.Equal(Errno.EINVAL, bench.Space.Unmap(new(address), length));
    }

    [Fact]
    public void Unmapping_in_the_middle_needs_room_for_one_more_VMA()
    {
        using MemoryBench bench = new(maxVmaCount: 1);
        bench.Map(0x100, 0x104);
        bench.Machine.Write(0x102, 5);
        Assert.Equal(Errno.ENOMEM, bench.Unmap(0x101, 0x103));
        Assert.Equal(5ul, bench.Machine.Read(0x102));
        Assert.Equal(Errno.None, bench.Unmap(0x102, 0x104));
        Assert.Equal(Errno.ENOMEM, bench.Space.Map(new(P, default, MemoryBench.At(0x200), MapPlacement.Fixed), out _));
    }

    [Fact]
    public void Mapping_checks_its_arguments()
    {
        using MemoryBench bench = new();
        AddressSpace space = bench.Space;
        Assert.Equal(Errno.EINVAL, space.Map(new(0, default), out _));
        Assert.Equal(Errno.EINVAL, space.Map(new(P, default, offsetBytes: 1), out _));
        Assert.Equal(Errno.EINVAL, space.Map(new(P, default, new(0x100_001), MapPlacement.Fixed), out _));
        Assert.Equal(Errno.ENOMEM, space.Map(new(ulong.MaxValue, default), out _));
        Assert.Equal(Errno.ENOMEM, space.Map(new(1UL << 47, default), out _));
        Assert.Equal(Errno.ENOMEM, space.Map(new(P, default, new(0x7fff_ffff_f000), MapPlacement.Fixed), out _));
        Assert.Equal(Errno.EPERM, space.Map(new(P, default, new(0x1000), MapPlacement.Fixed), out _));
        Assert.Equal(Errno.None, space.Map(new(P, default, new(0x100_000), MapPlacement.FixedNoReplace), out _));
        Assert.Equal(Errno.EEXIST, space.Map(new(P, default, new(0x100_000), MapPlacement.FixedNoReplace), out _));
    }

    [Fact]
    public void Without_a_place_mappings_go_below_each_other_and_a_hint_is_used_when_free()
    {
        using MemoryBench bench = new();
        AddressSpace space = new(bench.Keys.Slots, bench.Kernel.StartProcess(), new() { MapBase = new(0x20_0000) });
        Assert.Equal(Errno.None, space.Map(new(3 * P, new(Protection.Read)), out VirtualAddress first));
        Assert.Equal(Errno.None, space.Map(new(1, new(Protection.Write)), out VirtualAddress second));
        Assert.Equal((0x1f_d000UL, 0x1f_c000UL), (first.Value, second.Value));
        Assert.Equal(Errno.None, space.Map(new(P, default, new(0x15_0001)), out VirtualAddress hinted));
        Assert.Equal(Errno.None, space.Map(new(P, default, new(0x1f_e000)), out VirtualAddress taken));
        Assert.Equal((0x15_1000UL, 0x1f_b000UL), (hinted.Value, taken.Value));

        // Full below the base: above it.
        Assert.Equal(Errno.None, space.Map(new(0x1f_0000, default), out VirtualAddress big));
        Assert.Equal(0x7fff_ffff_f000UL - 0x1f_0000, big.Value);
        Assert.Equal(Errno.ENOMEM, space.Map(new(0x7fff_ffff_f000UL - 0x3e_f000, default), out _));
    }

    [Fact]
    public void Protection_changes_split_and_merge_VMAs()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x106);
        Assert.Equal(Errno.None, bench.Protect(0x102, 0x104, Protection.Read));
        Assert.Equal("100-102 rw- 0, 102-104 r-- 0, 104-106 rw- 0", bench.Show());
        Assert.Equal(Errno.None, bench.Protect(0x103, 0x105, Protection.ReadWrite));
        Assert.Equal("100-102 rw- 0, 102-103 r-- 0, 103-106 rw- 0", bench.Show());
        Assert.Equal(Errno.None, bench.Protect(0x100, 0x106, Protection.ReadWrite));
        Assert.Equal("100-106 rw- 0", bench.Show());
    }

    [Fact]
    public void Protecting_rounds_its_length_up_and_stops_at_a_hole()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x102);
        bench.Map(0x103, 0x104);
        Assert.Equal(Errno.None, bench.Space.Protect(MemoryBench.At(0x100), 1, Protection.None));
        Assert.Equal("100-101 --- 0, 101-102 rw- 0, 103-104 rw- 0", bench.Show());
        Assert.Equal(Errno.ENOMEM, bench.Protect(0x100, 0x104, Protection.Read));
        Assert.Equal("100-102 r-- 0, 103-104 rw- 0", bench.Show());
        Assert.Equal(Errno.ENOMEM, bench.Protect(0x102, 0x104, Protection.Read));
        Assert.Equal(Errno.ENOMEM, bench.Protect(0x900, 0x904, Protection.Read));
        Assert.Equal(Errno.EINVAL, bench.Space.Protect(MemoryBench.At(0x100), P, new((ulong)Protection.Read | 0x0200_0000)));
        Assert.Equal(Errno.EINVAL, bench.Space.Protect(MemoryBench.At(0x100), P, new((ulong)Protection.Read | 0x0100_0000)));
        Assert.Equal(Errno.ENOMEM, bench.Space.Protect(MemoryBench.At(0x90), P, new((ulong)Protection.Read | 0x0100_0000)));
        Assert.Equal(Errno.None, bench.Space.Protect(MemoryBench.At(0x100), P, new((ulong)Protection.Read | 8)));
    }

    [Fact]
    public void A_forked_child_has_the_same_VMAs_keys_and_contents_with_references_of_its_own()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x10a);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x108));
        bench.Machine.Write(0x100, 1);
        bench.Machine.Write(0x102, 2);
        bench.Machine.Write(0x104, 3);
        Assert.Equal(Errno.None, bench.Advise(0x102, 0x103, Advice.DontFork));
        Assert.Equal(Errno.None, bench.Advise(0x104, 0x105, Advice.WipeOnFork));
        Assert.Equal(Errno.None, bench.Space.SetLocked(MemoryBench.At(0x106), 1, isLocked: true));
        int vmas = bench.References(1).Vmas;
        MachinePages childPages = bench.Fork();
        AddressSpace child = childPages.Process.Space;
        Assert.Equal("100-102 rw- 1, 103-104 rw- 1, 104-105 rw- 1, 105-108 rw- 1, 108-10a rw- 0", MemoryBench.Show(child));
        Assert.Equal((1ul, 0ul, 0ul), (childPages.Read(0x100), childPages.Read(0x102), childPages.Read(0x104)));
        Assert.Equal((vmas + 4, 3L), bench.References(1)); // the child shares one of three pages

        Assert.Equal(Errno.None, bench.Keys.Service.Invalidate(Strongroom.Tests.Unit.Keys.KeyBench.Root, key));
        bench.Space.UnmapAll();
        Assert.Equal((4, 1L), bench.References(1));
        Assert.Equal(1ul, childPages.Read(0x100));
        child.UnmapAll();
        bench.Keys.CheckNothingIsLeft();
    }

    [Fact]
    public void Exec_drops_everything()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Space.StartBreak(MemoryBench.At(0x80));
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x101, 0x102));
        bench.Space.UnmapAll();
        Assert.Empty(bench.Space.Vmas);
        Assert.Equal(default, bench.Space.Break);
        Assert.Equal((0, 0L), bench.References(1));
    }

    [Fact]
    public void The_heap_grows_with_KeyId_0_beside_encrypted_heap()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Space.StartBreak(MemoryBench.At(0x100));
        Assert.Equal(MemoryBench.At(0x102), bench.Space.SetBreak(MemoryBench.At(0x102)));
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x102));
        VirtualAddress odd = new(MemoryBench.At(0x102).Value + 100);
        Assert.Equal(odd, bench.Space.SetBreak(odd));
        Assert.Equal("100-102 rw- 1, 102-103 rw- 0", bench.Show());
        bench.Map(0x104, 0x105);
        Assert.Equal(odd, bench.Space.SetBreak(MemoryBench.At(0x105)));
        Assert.Equal(odd, bench.Space.SetBreak(MemoryBench.At(0x99)));
        Assert.Equal(MemoryBench.At(0x101), bench.Space.SetBreak(MemoryBench.At(0x101)));
        Assert.Equal("100-101 rw- 1, 104-105 rw- 0", bench.Show());
    }

    [Fact]
    public void A_stack_grows_down_to_a_fault_but_not_into_the_guard_gap()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x300, 0x304, new VmaAttributes(Protection.ReadWrite, traits: VmaTraits.GrowsDown));
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x300, 0x304));
        Assert.True(bench.Space.TryGrowDown(new(MemoryBench.At(0x2fe).Value + 5)));
        Assert.Equal("2fe-304 rw- 1", bench.Show());
        Assert.Equal(AccessResult.Done, bench.Machine.Process.Write(0, MemoryBench.At(0x2fd).Value, 7)); // by a fault too
        Assert.Equal("2fd-304 rw- 1", bench.Show());
        Assert.Equal((1, 1L), bench.References(1));
        bench.Map(0x200, 0x201);
        Assert.False(bench.Space.TryGrowDown(MemoryBench.At(0x300 - 0x100)));
        Assert.True(bench.Space.TryGrowDown(MemoryBench.At(0x301)));
        Assert.Equal(Errno.None, bench.Protect(0x200, 0x201, Protection.None));
        Assert.True(bench.Space.TryGrowDown(MemoryBench.At(0x201)));
        Assert.False(bench.Space.TryGrowDown(MemoryBench.At(0x400)));
    }

    [Fact]
    public void Advice_on_holes_reports_them_and_advises_the_rest()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x102);
        bench.Map(0x104, 0x106);
        Assert.Equal(Errno.ENOMEM, bench.Advise(0x100, 0x106, Advice.Mergeable));
        Assert.All(bench.Space.Vmas, vma => Assert.Equal(VmaTraits.Mergeable, vma.Traits));
        Assert.Equal(Errno.ENOMEM, bench.Advise(0x104, 0x108, Advice.Unmergeable));
        Assert.Equal(Errno.None, bench.Advise(0x200, 0x200, Advice.Mergeable));
        Assert.Equal(Errno.EINVAL, bench.Space.Advise(new(1), P, Advice.Mergeable));
        Assert.Equal(Errno.EINVAL, bench.Space.Advise(MemoryBench.At(0x100), ulong.MaxValue, Advice.Mergeable));
        Assert.Equal(Errno.EINVAL, bench.Space.Advise(MemoryBench.At(0x100), P, (Advice)99));
    }

    [Fact]
    public void Dropping_pages_keeps_the_key_and_is_refused_for_locked_memory()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x104));
        bench.Machine.Write(0x101, 42);
        Assert.Equal(Errno.None, bench.Space.SetLocked(MemoryBench.At(0x101), P, isLocked: true));
        Assert.Equal(Errno.EINVAL, bench.Advise(0x100, 0x104, Advice.DontNeed));
        Assert.Equal(Errno.None, bench.Space.SetLocked(MemoryBench.At(0x101), P, isLocked: false));
        Assert.Equal(Errno.None, bench.Advise(0x100, 0x104, Advice.DontNeed));
        Assert.Equal("100-104 rw- 1", bench.Show());
        Assert.Equal(0ul, bench.Machine.Read(0x101));
        Assert.Equal((1, 0L), bench.References(1));
    }

    [Fact]
    public void Wiping_on_fork_is_for_anonymous_memory()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x104, backing: new VmaBacking(VmaBackingKind.SharedAnonymous, "s"));
        Assert.Equal(Errno.EINVAL, bench.Advise(0x100, 0x104, Advice.WipeOnFork));
    }

    [Fact]
    public void Locking_takes_whole_pages_and_stops_at_a_hole()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x103);
        Assert.Equal(Errno.None, bench.Space.SetLocked(new(MemoryBench.At(0x100).Value + 4000), 200, isLocked: true));
        Assert.Equal([VmaTraits.Locked, VmaTraits.None], bench.Space.Vmas.Select(vma => vma.Traits));
        Assert.Equal(2, bench.Space.Vmas.First().PageCount);
        Assert.Equal(Errno.ENOMEM, bench.Space.SetLocked(MemoryBench.At(0x100), 4 * P, isLocked: true));
        Assert.Equal(Errno.EINVAL, bench.Space.SetLocked(MemoryBench.At(0x100), ulong.MaxValue, isLocked: true));
        Assert.Equal(Errno.None, bench.Space.SetLocked(MemoryBench.At(0x100), 0, isLocked: true));
    }

    [Fact]
    public void Only_some_backings_can_carry_a_key()
    {
        Assert.Throws<System.ArgumentException>(() =>
            new VmaAttributes(Protection.Read, keyId: new(1), backing: new(VmaBackingKind.SharedFile, "f")));
        Assert.Equal(1, new VmaAttributes(Protection.Read, keyId: new(1), backing: new(VmaBackingKind.Device, "d")).KeyId.Value);
    }
}
