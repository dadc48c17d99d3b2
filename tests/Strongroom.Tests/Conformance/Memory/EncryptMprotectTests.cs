using System.Collections.Generic;
using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Tests.Unit.Keys;
using Strongroom.Tests.Unit.Memory;
using Xunit;

namespace Strongroom.Tests.Conformance.Memory;

public class EncryptMprotectTests
{
    private const ulong P = PageNumber.SizeBytes;

    [Fact]
    public void The_recommended_flow_encrypts_a_mapping_and_gives_the_slot_back()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add("k", KeyBench.UserPayload);
        bench.Map(0x100, 0x110, Protection.None);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x110));
        bench.Machine.Write(0x105, 42);
        Assert.Equal((1, 1L), bench.References(1));
        Assert.Equal(Errno.None, bench.Keys.Service.Invalidate(KeyBench.Root, key));
        Assert.Equal(42ul, bench.Machine.Read(0x105));
        Assert.Equal(KeySlotState.Killed, bench.Keys.Slots.GetState(new(1)));
        Assert.Equal(Errno.None, bench.Unmap(0x100, 0x110));
        bench.Keys.CheckNothingIsLeft();
    }

    [Fact]
    public void Each_check_comes_before_the_next()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        KeyCaller other = new(5, 5, 7, 7);
        bench.Map(0x100, 0x102);
        bench.Map(0x102, 0x103, backing: new VmaBacking(VmaBackingKind.SharedAnonymous, "shmem"));
        ProtectionRequest bad = new(0x0300_0010);
        Errno Call(KeyCaller caller, KeySerial serial, ulong address, ulong length, ProtectionRequest request) =>
            bench.Space.EncryptMprotect(bench.Keys.Service, caller, serial, new(address), length, request);

        Assert.Equal(Errno.EINVAL, Call(other, new(77), 0x100_001, P - 1, bad));                                  // length
        Assert.Equal(Errno.ENOKEY, Call(other, new(77), 0x100_001, 4 * P, bad));                                  // no such key
        Assert.Equal(Errno.EACCES, Call(other, key, 0x100_001, 4 * P, bad));                                      // no right
        Assert.Equal(Errno.EINVAL, Call(KeyBench.Root, KeySerial.SessionKeyring, 0x100_000, 0, Protection.Read)); // not a memory key
        Assert.Equal(Errno.EINVAL, Call(KeyBench.Root, key, 0x100_000, 4 * P, new(0x0300_0000)));                 // grows both ways
        Assert.Equal(Errno.EINVAL, Call(KeyBench.Root, key, 0x100_001, 4 * P, Protection.Read));                  // address
        Assert.Equal(Errno.None, Call(KeyBench.Root, key, 0x100_000, 0, new(0x10)));                              // nothing to do
        Assert.Equal(Errno.ENOMEM, Call(KeyBench.Root, key, 0x100_000, 0xffff_ffff_ffff_f000, new(0x10)));        // wraps round
        Assert.Equal(Errno.EINVAL, Call(KeyBench.Root, key, 0x100_000, 4 * P, new(0x10)));                        // unknown bit
        Assert.Equal(Errno.ENOMEM, Call(KeyBench.Root, key, 0xff_000, 4 * P, Protection.Read));                   // hole at the start
        Assert.Equal(Errno.EINVAL, Call(KeyBench.Root, key, 0x100_000, 4 * P, Protection.Read));                  // not all anonymous
        Assert.Equal("100-102 rw- 0, 102-103 rw- 0", bench.Show());
        Assert.Equal(Errno.None, Call(KeyBench.Root, key, 0x100_000, 2 * P, Protection.Read));
    }

    [Fact]
    public void A_dead_key_is_refused_but_its_mappings_go_on()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x102));
        Assert.Equal(Errno.None, bench.Keys.Service.Revoke(KeyBench.Root, key));
        Assert.Equal(Errno.EKEYREVOKED, bench.Encrypt(key, 0x102, 0x104));
        Assert.Equal(Errno.None, bench.Protect(0x100, 0x101, Protection.Read));
        bench.Machine.Write(0x101, 9);
        Assert.Equal("100-101 r-- 1, 101-102 rw- 1, 102-104 rw- 0", bench.Show());
        Assert.Equal((2, 1L), bench.References(1));
    }

    [Fact]
    public void The_first_version_rounds_the_length_up()
    {
        using MemoryBench bench = new(KeyApiVersion.Rfc1);
        KeySerial key = bench.Keys.Add("k", "entropy=0011223344556677");
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Space.EncryptMprotect(
            bench.Keys.Service, KeyBench.Root, key, MemoryBench.At(0x100), P + 1, Protection.ReadWrite));
        Assert.Equal("100-102 rw- 1, 102-104 rw- 0", bench.Show());
    }

    [Fact]
    public void The_same_key_and_protection_again_keep_the_contents()
    {
        using MemoryBench bench = Encrypted(out KeySerial key);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x104));
        Assert.Equal(42ul, bench.Machine.Read(0x101));
        Assert.Equal(1, bench.Space.Counters.KeyNoOps);
    }

    [Fact]
    public void The_same_key_with_another_protection_destroys_the_contents()
    {
        using MemoryBench bench = Encrypted(out KeySerial key);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x104, Protection.Read));
        Assert.Equal("100-104 r-- 1", bench.Show());
        Assert.Equal(0ul, bench.Machine.Read(0x101));
        Assert.Equal((1, 0L), bench.References(1));
    }

    [Fact]
    public void Another_key_destroys_the_contents_and_moves_the_references()
    {
        using MemoryBench bench = Encrypted(out _);
        KeySerial other = bench.Keys.Add("other");
        Assert.Equal(Errno.None, bench.Encrypt(other, 0x100, 0x104));
        Assert.Equal("100-104 rw- 2", bench.Show());
        Assert.Equal(0ul, bench.Machine.Read(0x101));
        Assert.Equal((0, 0L), bench.References(1));
        Assert.Equal((1, 0L), bench.References(2));
        Assert.Equal((2, 4L + 4), (bench.Space.Counters.KeyChanges, bench.Space.Counters.PagesZapped));
    }

    [Fact]
    public void Contents_can_be_kept_when_the_key_changes()
    {
        using MemoryBench bench = Encrypted(out _);
        KeySerial other = bench.Keys.Add("other");
        Assert.Equal(Errno.None, bench.Encrypt(other, 0x100, 0x104, Protection.Read, KeyChangeData.Keep));
        Assert.Equal("100-104 r-- 2", bench.Show());
        Assert.Equal(42ul, bench.Machine.Read(0x101));
        Assert.Equal((0, 0L), bench.References(1));
        Assert.Equal((1, 1L), bench.References(2));
    }

    [Fact]
    public void Plain_mprotect_keeps_key_and_contents_through_every_protection()
    {
        using MemoryBench bench = Encrypted(out _);
        foreach (Protection protection in new[]
        {
            Protection.None, Protection.Read, Protection.Write, Protection.Execute, Protection.Read | Protection.Execute, Protection.All,
        })
        {
            Assert.Equal(Errno.None, bench.Protect(0x100, 0x104, protection));
            Assert.Equal(1, bench.Space.Find(MemoryBench.At(0x101))!.KeyId.Value);
            Assert.Equal(42ul, bench.Machine.Read(0x101));
        }
    }

    [Fact]
    public void A_part_of_a_VMA_is_split_off_and_each_piece_holds_a_reference()
    {
        using MemoryBench bench = Encrypted(out _);
        KeySerial other = bench.Keys.Add("other");
        Assert.Equal(Errno.None, bench.Encrypt(other, 0x102, 0x103));
        Assert.Equal("100-102 rw- 1, 102-103 rw- 2, 103-104 rw- 1", bench.Show());
        Assert.Equal(2, bench.References(1).Vmas);
        Assert.Equal(1, bench.References(2).Vmas);
        Assert.Equal(42ul, bench.Machine.Read(0x101));
    }

    [Fact]
    public void A_piece_merges_with_neighbours_of_its_new_KeyId_and_only_with_them()
    {
        using MemoryBench bench = Encrypted(out KeySerial key);
        KeySerial other = bench.Keys.Add("other");
        Assert.Equal(Errno.None, bench.Encrypt(other, 0x102, 0x103));
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x102, 0x103));
        Assert.Equal("100-104 rw- 1", bench.Show());
        Assert.Equal((1, 1L), bench.References(1));
        Assert.Equal((0, 0L), bench.References(2));
    }

    [Fact]
    public void A_neighbour_that_agrees_in_all_but_the_new_KeyId_neither_merges_nor_gets_the_key()
    {
        // With the old KeyID compared, 100-102 and 102-104 become one when both are read-only, and all of it gets the
        // key.
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102, Protection.Read);
        bench.Map(0x102, 0x104, Protection.ReadWrite);
        bench.Machine.Write(0x100, 7);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x102, 0x104, Protection.Read));
        Assert.Equal("100-102 r-- 0, 102-104 r-- 1", bench.Show());
        Assert.Equal(7ul, bench.Machine.Read(0x100));
    }

    [Fact]
    public void Several_anonymous_VMAs_all_get_the_key()
    {
        using MemoryBench bench = new();
        KeySerial first = bench.Keys.Add("first");
        KeySerial key = bench.Keys.Add("key");
        bench.Map(0x100, 0x10c);
        Assert.Equal(Errno.None, bench.Encrypt(first, 0x102, 0x104));
        Assert.Equal(Errno.None, bench.Protect(0x106, 0x108, Protection.None));
        Assert.Equal(Errno.None, bench.Advise(0x109, 0x10a, Advice.Mergeable));
        Assert.Equal(7, bench.Space.VmaCount);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x101, 0x10b));
        Assert.Equal("100-101 rw- 0, 101-109 rw- 2, 109-10a rw- 2, 10a-10b rw- 2, 10b-10c rw- 0", bench.Show());
        Assert.Equal(0, bench.References(1).Vmas);
        Assert.Equal(3, bench.References(2).Vmas);
    }

    [Theory]
    [InlineData(VmaBackingKind.SharedAnonymous)]
    [InlineData(VmaBackingKind.PrivateFile)]
    [InlineData(VmaBackingKind.SharedFile)]
    [InlineData(VmaBackingKind.HugeTlb)]
    [InlineData(VmaBackingKind.Device)]
    [InlineData(VmaBackingKind.Secret)]
    public void One_VMA_that_is_not_anonymous_keeps_all_from_changing(VmaBackingKind kind)
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x110);
        bench.Map(0x104, 0x105, backing: new VmaBacking(kind, "x"));
        bench.Machine.Write(0x101, 42);
        string before = bench.Show();
        Assert.Equal(Errno.EINVAL, bench.Encrypt(key, 0x100, 0x110));
        Assert.Equal(before, bench.Show());
        Assert.Equal(42ul, bench.Machine.Read(0x101));
        Assert.Equal((0, 0L), bench.References(1));
    }

    [Fact]
    public void A_VMA_that_is_not_anonymous_counts_also_behind_a_hole()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102);
        bench.Map(0x104, 0x105, backing: new VmaBacking(VmaBackingKind.SharedFile, "x"));
        Assert.Equal(Errno.EINVAL, bench.Encrypt(key, 0x100, 0x106));
        Assert.Equal("100-102 rw- 0, 104-105 rw- 0", bench.Show());
        Assert.Equal(Errno.ENOMEM, bench.Encrypt(key, 0x100, 0x104));
    }

    [Fact]
    public void A_hole_ends_the_call_and_what_lies_before_it_stays_changed()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102);
        bench.Map(0x104, 0x106);
        Assert.Equal(Errno.ENOMEM, bench.Encrypt(key, 0x100, 0x106));
        Assert.Equal("100-102 rw- 1, 104-106 rw- 0", bench.Show());
        Assert.Equal(1, bench.References(1).Vmas);
    }

    [Fact]
    public void A_protection_that_the_mapping_does_not_allow_is_refused()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102);
        bench.Map(0x102, 0x104, new VmaAttributes(Protection.Read, Protection.Read));
        Assert.Equal(Errno.EACCES, bench.Encrypt(key, 0x100, 0x104));
        Assert.Equal("100-102 rw- 1, 102-104 r-- 0", bench.Show());
    }

    [Fact]
    public void Without_memory_for_the_copies_the_piece_its_contents_and_its_references_stay_as_they_were()
    {
        using MemoryBench bench = Encrypted(out _);
        KeySerial other = bench.Keys.Add("other");
        List<int> taken = [];
        for (int frame = 0; frame >= 0;)
        {
            frame = bench.Kernel.Allocator.Allocate(0, Gfp.Kernel, 0, 0, 0);
            taken.Add(frame);
        }

        Assert.Equal(Errno.ENOMEM, bench.Encrypt(other, 0x100, 0x104, Protection.Read, KeyChangeData.Keep));
        Assert.Equal("100-104 rw- 1", bench.Show());
        Assert.Equal((1, 1L), bench.References(1));
        Assert.Equal((0, 0L), bench.References(2));
        Assert.Equal(42ul, bench.Machine.Read(0x101));
        bench.Kernel.Allocator.Free(0, taken[0]);
        Assert.Equal(Errno.None, bench.Encrypt(other, 0x100, 0x104, Protection.Read, KeyChangeData.Keep));
        Assert.Equal(42ul, bench.Machine.Read(0x101));
    }

    [Fact]
    public void Too_many_VMAs_are_refused_before_anything_is_destroyed()
    {
        using MemoryBench bench = new(maxVmaCount: 2);
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x104);
        bench.Machine.Write(0x101, 42);
        Assert.Equal(Errno.ENOMEM, bench.Encrypt(key, 0x101, 0x102));
        Assert.Equal(42ul, bench.Machine.Read(0x101));
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x102));
        Assert.Equal((1, 0L), bench.References(1));
    }

    [Fact]
    public void The_split_form_gives_the_key_and_leaves_each_protection()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x102, Protection.None);
        bench.Map(0x102, 0x104, Protection.ReadWrite);
        Errno Call(ulong start, ulong end) => bench.Space.Encrypt(
            bench.Keys.Service, KeyBench.Root, key, MemoryBench.At(start), (end - start) * P);
        Assert.Equal(Errno.None, Call(0x100, 0x104));
        Assert.Equal("100-102 --- 1, 102-104 rw- 1", bench.Show());
        bench.Machine.Write(0x103, 5);
        Assert.Equal(Errno.None, Call(0x102, 0x104));
        Assert.Equal(5ul, bench.Machine.Read(0x103));
        Assert.Equal(Errno.ENOMEM, Call(0x102, 0x105));
        Assert.Equal(Errno.EINVAL, bench.Space.Encrypt(bench.Keys.Service, KeyBench.Root, key, MemoryBench.At(0x100), 1));
        Assert.Equal(Errno.ENOKEY, bench.Space.Encrypt(bench.Keys.Service, KeyBench.Root, new(77), MemoryBench.At(0x100), P));
    }

    [Fact]
    public void Keys_on_one_page_one_after_the_other_change_its_KeyId_each_time()
    {
        using MemoryBench bench = new();
        bench.Map(0x100, 0x101);
        for (int number = 1; number <= 15; number++)
        {
            Assert.Equal(Errno.None, bench.Encrypt(bench.Keys.Add($"k{number}"), 0x100, 0x101));
            Assert.Equal($"100-101 rw- {number}", bench.Show());
            bench.Machine.Write(0x100, (ulong)number);
        }

        Assert.Equal(1, Enumerable.Range(1, 15).Sum(number => bench.References(number).Vmas));
    }

    [Fact]
    public void Encrypting_mapped_and_advised_memory_works()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x200);
        foreach (Advice advice in new[] { Advice.Mergeable, Advice.HugePage, Advice.DontFork })
        {
            Assert.Equal(Errno.None, bench.Advise(0x100, 0x200, advice));
        }

        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x200));
        Vma vma = Assert.Single(bench.Space.Vmas);
        Assert.Equal(VmaTraits.Mergeable | VmaTraits.HugePage | VmaTraits.DontFork, vma.Traits);
    }

    [Fact]
    public void A_growing_stack_is_encrypted_from_its_start()
    {
        using MemoryBench bench = new();
        KeySerial key = bench.Keys.Add();
        bench.Map(0x100, 0x104, new VmaAttributes(Protection.ReadWrite, traits: VmaTraits.GrowsDown));
        Assert.Equal(Errno.None, bench.Space.EncryptMprotect(
            bench.Keys.Service, KeyBench.Root, key, MemoryBench.At(0x103), P, new((ulong)Protection.ReadWrite | 0x0100_0000)));
        Assert.Equal("100-104 rw- 1", bench.Show());
    }

    private static MemoryBench Encrypted(out KeySerial key)
    {
        MemoryBench bench = new();
        key = bench.Keys.Add();
        bench.Map(0x100, 0x104);
        Assert.Equal(Errno.None, bench.Encrypt(key, 0x100, 0x104));
        bench.Machine.Write(0x101, 42);
        return bench;
    }
}
