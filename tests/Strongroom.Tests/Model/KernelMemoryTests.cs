using System;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Secrets;
using Xunit;

namespace Strongroom.Tests.Model;

public class KernelMemoryTests
{
    private const ulong Huge = 2 << 20;

    [Fact]
    public void A_page_of_an_encrypted_VMA_carries_its_KeyId_everywhere()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(2, key);
        f.Write(at, 0x5a5a);
        int frame = f.FrameOf(at);
        Assert.Equal(1, f.PteKeyId(at));
        Assert.Equal(1, f.Kernel.Pages.KeyId[frame]);
        Assert.Equal(f.Kernel.DirectMap.ToVirtual(frame, 1), f.Kernel.PageToVirtual(frame));
        Assert.Equal(0x5a5aul, f.Read(at));
        Assert.Equal(-1, f.Dump(frame).AsSpan().IndexOf(new byte[] { 0x5a, 0x5a, 0, 0, 0, 0, 0, 0 }));
        Assert.Equal(0x5a5aul, f.Read(at));
    }

    [Fact]
    public void Changing_the_key_discards_the_contents_and_the_same_key_keeps_them()
    {
        using KernelFixture f = new();
        KeySerial one = f.AddKey();
        KeySerial two = f.AddKey();
        ulong at = f.MapEncrypted(1, one);
        f.Write(at, 7);
        Assert.Equal(Errno.None, f.Process.EncryptMprotect(at, 4096, Protection.ReadWrite, one));
        Assert.Equal(7ul, f.Read(at));
        Assert.Equal(Errno.None, f.Process.EncryptMprotect(at, 4096, Protection.ReadWrite, two));
        Assert.Equal(0ul, f.Read(at));
        f.Write(at, 8);
        Assert.Equal(2, f.PteKeyId(at));
        Assert.Equal(Errno.None, f.Process.EncryptMprotect(at, 4096, Protection.ReadWrite, one, keepsData: true));
        Assert.Equal(8ul, f.Read(at));
        Assert.Equal(1, f.PteKeyId(at));
    }

    [Fact]
    public void Mprotect_keeps_KeyId_and_contents()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(3, f.AddKey());
        f.Write(at + 4096, 9);
        foreach (Protection protection in new[] { Protection.Read, Protection.None, Protection.All, Protection.ReadWrite })
        {
            Assert.Equal(Errno.None, f.Process.Space.Protect(new VirtualAddress(at + 4096), 4096, protection));
        }

        Assert.Equal(1, f.PteKeyId(at + 4096));
        Assert.Equal(9ul, f.Read(at + 4096));
        Assert.Equal(Errno.None, f.Process.Space.Protect(new VirtualAddress(at + 4096), 4096, Protection.Read));
        Assert.Equal(AccessResult.SegmentationFault, f.Process.Write(0, at + 4096, 1));
    }

    [Theory]
    [InlineData((int)ZeroPageRule.StripKeyId)]
    [InlineData((int)ZeroPageRule.NotInEncrypted)]
    public void The_zero_page_never_has_a_KeyId(int rule)
    {
        using KernelFixture f = new(new KernelOptions { ZeroPage = (ZeroPageRule)rule });
        ulong plain = f.Map(1);
        ulong at = f.MapEncrypted(1, f.AddKey());
        Assert.Equal(0ul, f.Read(plain));
        Assert.Equal(f.Kernel.ZeroFrame, f.FrameOf(plain));
        Assert.Equal(0ul, f.Read(at));
        bool shared = (ZeroPageRule)rule == ZeroPageRule.StripKeyId;
        Assert.Equal(shared, f.FrameOf(at) == f.Kernel.ZeroFrame);
        Assert.Equal(shared ? 0 : 1, f.PteKeyId(at));
        f.Write(at, 3);
        Assert.Equal(1, f.PteKeyId(at));
        Assert.Equal(0ul, f.Read(plain));
    }

    [Fact]
    public void Fork_shares_pages_until_a_write_and_copies_keep_the_KeyId()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(1, key);
        f.Write(at, 1);
        Process child = f.Process.Fork();
        Assert.Equal(f.FrameOf(at), f.FrameOf(at, child));
        f.Write(at, 2, child);
        Assert.NotEqual(f.FrameOf(at), f.FrameOf(at, child));
        Assert.Equal(1, f.PteKeyId(at, child));
        Assert.Equal(1ul, f.Read(at));
        Assert.Equal(2ul, f.Read(at, child));
        KeySlotReferences references = f.Kernel.Keys.Slots.GetReferences(new KeyId(1));
        Assert.Equal(2, references.VmaCount);
        Assert.Equal(2, references.PageCount);
        child.Exit();
        Assert.Equal(1, f.Kernel.Keys.Slots.GetReferences(new KeyId(1)).VmaCount);
    }

    [Fact]
    public void A_slot_is_held_by_its_key_its_VMAs_and_its_pinned_pages()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(1, key);
        f.Write(at, 1);
        Assert.Equal(Errno.None, f.Kernel.Pin(f.Process, 0, at, forWriting: true, out int frame));
        f.Invalidate(key);
        Assert.Equal(KeySlotState.Killed, f.Kernel.Keys.Slots.GetState(new KeyId(1)));
        Assert.Equal(1ul, f.Read(at));
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 4096));
        Assert.Equal(KeySlotState.Killed, f.Kernel.Keys.Slots.GetState(new KeyId(1)));
        Assert.True(f.Kernel.Platform.IsProgrammed(0, 1));
        f.Kernel.Unpin(0, frame);
        Assert.Equal(KeySlotState.Available, f.Kernel.Keys.Slots.GetState(new KeyId(1)));
        Assert.False(f.Kernel.Platform.IsProgrammed(0, 1));
        Assert.False(f.Kernel.Platform.IsProgrammed(1, 1));
    }

    [Theory]
    [InlineData((int)PolicyKind.AllocateAndFree)]
    [InlineData((int)PolicyKind.LastKeyId)]
    [InlineData((int)PolicyKind.Wrapper)]
    [InlineData((int)PolicyKind.Pools)]
    public void Migration_compaction_and_NUMA_balancing_keep_KeyId_and_contents(int policy)
    {
        using KernelFixture f = new(new KernelOptions { Policy = (PolicyKind)policy });
        ulong at = f.MapEncrypted(4, f.AddKey());
        for (ulong i = 0; i < 4; i++)
        {
            f.Write(at + (i * 4096), i + 10);
        }

        int moved = f.Kernel.Migrate(2, f.FrameOf(at), node: 1, onlyThere: true);
        Assert.Equal(moved, f.FrameOf(at));
        Assert.Equal(1, f.Kernel.Allocator.NodeOf(moved));
        Assert.Equal(1, f.Kernel.Pages.KeyId[moved]);
        _ = f.Kernel.Compact(0, 10);
        for (ulong i = 0; i < 4; i++)
        {
            Assert.Equal(i + 10, f.Read(at + (i * 4096)));
            Assert.Equal(1, f.PteKeyId(at + (i * 4096)));
        }
    }

    [Fact]
    public void Ksm_merges_equal_pages_of_one_KeyId_only()
    {
        using KernelFixture f = new();
        KeySerial one = f.AddKey();
        KeySerial two = f.AddKey();
        ulong a = f.MapEncrypted(2, one);
        ulong b = f.MapEncrypted(1, two);
        foreach (ulong at in new[] { a, a + 4096, b })
        {
            f.Write(at, 77);
            f.Advise(at & ~4095ul, 4096, Advice.Mergeable);
        }

        Assert.False(f.Kernel.TryMerge(0, f.FrameOf(a), f.FrameOf(b)));
        Assert.True(f.Kernel.TryMerge(0, f.FrameOf(a), f.FrameOf(a + 4096)));
        Assert.Equal(f.FrameOf(a), f.FrameOf(a + 4096));
        f.Write(a, 78);
        Assert.Equal(78ul, f.Read(a));
        Assert.Equal(77ul, f.Read(a + 4096));
        f.Write(a + 4096, 79);
        Assert.False(f.Kernel.TryMerge(0, f.FrameOf(a), f.FrameOf(a + 4096)));
    }

    [Fact]
    public void A_huge_page_has_one_KeyId_and_its_references_survive_a_split()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(1024, key);
        ulong start = (at + Huge - 1) & ~(Huge - 1);
        f.Advise(at, 1024 * 4096, Advice.HugePage);
        f.Write(start + 0x5008, 5);
        Assert.True(f.Process.Table.TryWalk(start, out _, out PageSize size));
        Assert.Equal(PageSize.Medium, size);
        Assert.Equal(512, f.Kernel.Keys.Slots.GetReferences(new KeyId(1)).PageCount);
        Assert.Equal(Errno.None, f.Process.UnmapRange(start, 4096));
        Assert.Equal(511, f.Kernel.Keys.Slots.GetReferences(new KeyId(1)).PageCount);
        Assert.Equal(5ul, f.Read(start + 0x5008));
        Assert.Equal(1, f.PteKeyId(start + 0x5000));
    }

    [Fact]
    public void Khugepaged_collapses_inside_one_VMA_and_keeps_contents()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(1024, f.AddKey());
        ulong start = (at + Huge - 1) & ~(Huge - 1);
        f.Write(start + 0x1000, 1);
        f.Write(start + 0x1f_f000, 2);
        _ = f.Read(start + 0x3000);
        Assert.False(f.Process.TryCollapse(0, start)); // not asked for
        f.Advise(at, 1024 * 4096, Advice.HugePage);
        Assert.True(f.Process.TryCollapse(0, start));
        Assert.True(f.Process.Table.TryWalk(start, out _, out PageSize size));
        Assert.Equal(PageSize.Medium, size);
        Assert.Equal(1ul, f.Read(start + 0x1000));
        Assert.Equal(2ul, f.Read(start + 0x1f_f000));
        Assert.Equal(0ul, f.Read(start + 0x3000));
        KeySerial other = f.AddKey();
        Assert.Equal(Errno.None, f.Process.EncryptMprotect(start + Huge - 4096, 4096, Protection.ReadWrite, other));
        Assert.False(f.Process.TryCollapse(0, start)); // two VMAs now
        Assert.Equal(1ul, f.Read(start + 0x1000));
    }

    [Theory]
    [InlineData((int)SwapRule.Plaintext)]
    [InlineData((int)SwapRule.Encrypted)]
    public void Swap_holds_plaintext_unless_it_has_a_key_of_its_own(int rule)
    {
        using KernelFixture f = new(new KernelOptions { Swap = (SwapRule)rule });
        ulong at = f.MapEncrypted(1, f.AddKey());
        f.Write(at, 0x1122_3344_5566_7788);
        Assert.True(f.Kernel.SwapOut(0, f.FrameOf(at)));
        Assert.Equal(0, f.Kernel.Keys.Slots.GetReferences(new KeyId(1)).PageCount);
        int found = f.Kernel.Swap.Dump(0).IndexOf(BitConverter.GetBytes(0x1122_3344_5566_7788ul));
        Assert.Equal((SwapRule)rule == SwapRule.Plaintext ? 0 : -1, found);
        Assert.Equal(0x1122_3344_5566_7788ul, f.Read(at));
        Assert.Equal(1, f.PteKeyId(at));
        Assert.Equal(0, f.Kernel.Swap.Used);
    }

    [Fact]
    public void Mremap_moves_pages_with_their_KeyId()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(2, f.AddKey());
        f.Write(at + 4096, 4);
        int frame = f.FrameOf(at + 4096);
        Assert.Equal(Errno.None, f.Process.Space.Remap(
            new VirtualAddress(at), 8192, 8192, RemapOptions.MayMove | RemapOptions.Fixed, new VirtualAddress(0x2000_0000), out _));
        Assert.Equal(4ul, f.Read(0x2000_1000));
        Assert.Equal(frame, f.FrameOf(0x2000_1000));
        Assert.Equal(AccessResult.SegmentationFault, f.Process.Read(0, at + 4096, out _));
    }

    [Fact]
    public void Exec_and_exit_give_all_references_back()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        f.Write(f.MapEncrypted(1, key), 1);
        Process child = f.Process.Fork();
        f.Process.Exec();
        child.Exit();
        KeySlotReferences references = f.Kernel.Keys.Slots.GetReferences(new KeyId(1));
        Assert.Equal(0, references.VmaCount);
        Assert.Equal(0, references.PageCount);
        Assert.True(references.IsHeldByKey);
    }

    [Fact]
    public void Userfaultfd_copies_land_under_the_VMAs_KeyId()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(2, f.AddKey());
        byte[] bytes = new byte[4096];
        bytes[0] = 42;
        Assert.Equal(Errno.ENOENT, f.Kernel.UserfaultCopy(f.Process, 0, at, bytes));
        Assert.Equal(Errno.None, f.Process.Space.ChangeTraits(
            AddressRange.FromLength(new VirtualAddress(at), 8192), VmaTraits.FaultsMissing, VmaTraits.None));
        Assert.Equal(Errno.None, f.Kernel.UserfaultCopy(f.Process, 0, at, bytes));
        Assert.Equal(Errno.EEXIST, f.Kernel.UserfaultCopy(f.Process, 0, at, bytes));
        Assert.Equal(42ul, f.Read(at));
        Assert.Equal(1, f.PteKeyId(at));
    }

    [Fact]
    public void Dma_and_guests_reach_a_page_through_its_KeyId()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(2, f.AddKey());
        f.Write(at, 1);
        Assert.Equal(Errno.None, f.Kernel.Pin(f.Process, 0, at, true, out int frame));
        DmaDevice device = new(f.Kernel);
        byte[] bytes = BitConverter.GetBytes(0xabcdul);
        device.Write(device.Map(frame), 8, bytes);
        Assert.Equal(0xabcdul, f.Read(at + 8));
        f.Write(at, 0x99);
        device.Read(device.Map(frame), 0, bytes);
        Assert.Equal(0x99, bytes[0]);
        f.Kernel.Unpin(0, frame);

        GuestMemory guest = new(f.Kernel, 2);
        Assert.Equal(Errno.None, guest.Map(f.Process, 0, 1, at + 4096));
        guest.Store(2, 0x1010, 0x77);
        Assert.Equal(0x77ul, f.Read(at + 4096 + 0x10));
        f.Write(at + 4096, 0x78);
        Assert.Equal(0x78ul, guest.Load(3, 0x1000));
        guest.Unmap(0, 1);
        _ = Assert.Throws<ModelViolationException>(() => guest.Load(3, 0x1000));
    }

    [Theory]
    [InlineData((int)PolicyKind.LastKeyId)]
    [InlineData((int)PolicyKind.Pools)]
    public void An_updated_key_finds_no_line_of_its_slots_old_key_in_a_cache(int policy)
    {
        using KernelFixture f = new(new KernelOptions { Policy = (PolicyKind)policy });
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(1, key);
        f.Write(at, 0x1234);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 4096));
        bool IsNotUnderKey(ulong line) => f.Kernel.Layout.KeyIdOf(line * 64).IsPlatform;
        Assert.NotNull(f.Kernel.Platform.Caches.FindModified(IsNotUnderKey)); // the policy left it there
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        Assert.Equal(Errno.None, f.Kernel.Keys.Update(f.Process.Caller, key, "type=cpu algorithm=aes-xts-128"u8, fields.Span));
        Assert.Null(f.Kernel.Platform.Caches.FindModified(IsNotUnderKey));
    }

    [Fact]
    public void More_processes_can_live_one_after_the_other_than_there_are_numbers()
    {
        using KernelFixture f = new();
        for (int i = 0; i < 70_000; i++)
        {
            f.Process.Fork().Exit();
        }

        Process last = f.Process.Fork();
        Assert.InRange(last.Number, 2, 3);
        last.Exit();
    }

    [Fact]
    public void Keys_of_a_process_end_with_it_and_their_slots_with_the_last_child_that_maps_them()
    {
        using KernelFixture f = new();
        Process parent = f.Kernel.StartProcess();
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        Assert.Equal(Errno.None, f.Kernel.Keys.Add(
            parent.Caller, "k", "type=cpu algorithm=aes-xts-128"u8, KeySerial.ProcessKeyring, fields.Span, out KeySerial key));
        Assert.Equal(Errno.None, parent.MapAnonymous(4096, Protection.None, out ulong at));
        Assert.Equal(Errno.None, parent.EncryptMprotect(at, 4096, Protection.ReadWrite, key));
        f.Write(at, 5, parent);
        Process child = parent.Fork();
        parent.Exit();
        Assert.Equal(Errno.ENOKEY, f.Kernel.Keys.Describe(f.Process.Caller, key, out _));
        Assert.Equal(KeySlotState.Killed, f.Kernel.Keys.Slots.GetState(new(1)));
        Assert.Equal(5ul, f.Read(at, child));
        child.Exit();
        Assert.Equal(KeySlotState.Available, f.Kernel.Keys.Slots.GetState(new(1)));
    }

    [Fact]
    public void A_shootdown_reaches_every_CPU_before_the_page_is_reused()
    {
        using KernelFixture f = new();
        ulong at = f.Map(1);
        f.Write(at, 1, cpu: 3);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 4096));
        Assert.Equal(AccessResult.SegmentationFault, f.Process.Write(3, at, 2));
    }

    [Fact]
    public void Encrypt_mprotect_checks_in_the_order_of_the_series()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.Map(2);
        Assert.Equal(Errno.EINVAL, f.Process.EncryptMprotect(at, 100, Protection.ReadWrite, new KeySerial(12345)));
        Assert.Equal(Errno.ENOKEY, f.Process.EncryptMprotect(at, 4096, Protection.ReadWrite, new KeySerial(12345)));
        Assert.Equal(Errno.EINVAL, f.Process.EncryptMprotect(at + 8, 4096, Protection.ReadWrite, key));
        Assert.Equal(Errno.ENOMEM, f.Process.EncryptMprotect(0x3000_0000, 4096, Protection.ReadWrite, key));
        VmaBacking shared = new(VmaBackingKind.SharedAnonymous, "shmem");
        Assert.Equal(Errno.None, f.Process.Space.Map(
            new MapRequest(4096, new VmaAttributes(Protection.ReadWrite, backing: shared), new VirtualAddress(at + 8192), MapPlacement.Fixed), out _));
        f.Write(at, 5);
        Assert.Equal(Errno.EINVAL, f.Process.EncryptMprotect(at, 3 * 4096, Protection.ReadWrite, key));
        Assert.Equal(5ul, f.Read(at));
        Assert.Equal(0, f.PteKeyId(at));
    }
}
