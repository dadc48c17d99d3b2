using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>Direct maps, boot decisions, hotplug, key programming and the allocator on the whole machine.</summary>
public class KernelMachineTests
{
    [Fact]
    public void Direct_maps_are_powers_of_two_and_translate_back()
    {
        using KernelFixture f = new();
        DirectMap map = f.Kernel.DirectMap;
        Assert.Equal(1ul << 40, map.SizeBytes);
        HashSet<ulong> seen = [];
        for (ushort keyId = 0; keyId <= 7; keyId++)
        {
            for (int frame = 0; frame < 4096; frame += 97)
            {
                ulong address = map.ToVirtual(frame, keyId);
                Assert.True(seen.Add(address));
                Assert.Equal((ulong)frame << 12, map.ToPhysical(address));
                Assert.Equal(keyId, map.KeyIdOf(address));
                Assert.True(map.TryWalk(address, out ulong pte, out _));
                Assert.Equal(keyId, f.Kernel.Layout.KeyIdOf(pte).Value);
            }
        }
    }

    [Theory]
    [InlineData(63, false, true)]
    [InlineData(64, false, false)]
    [InlineData(32767, true, true)]
    [InlineData(65535, true, false)]
    public void MKTME_is_disabled_when_the_direct_maps_do_not_fit(int keyIds, bool fiveLevels, bool fits) =>
        Assert.Equal(fits, DirectMap.Fits(1ul << 30, keyIds, new DirectMapShape(fiveLevels)));

    [Fact]
    public void A_split_reaches_the_maps_of_all_KeyIds_and_a_join_undoes_it()
    {
        using KernelFixture f = new();
        DirectMap map = f.Kernel.DirectMap;
        Assert.True(map.TryWalk(map.ToVirtual(600, 3), out _, out PageSize size));
        Assert.Equal(PageSize.Medium, size);
        map.Change(600, 1, set: 0, clear: Pte.Writable);
        foreach (ushort keyId in new ushort[] { 0, 3 })
        {
            Assert.True(map.TryWalk(map.ToVirtual(600, keyId), out ulong pte, out size));
            Assert.Equal(PageSize.Small, size);
            Assert.Equal(0ul, pte & Pte.Writable);
            Assert.True(map.TryWalk(map.ToVirtual(601, keyId), out pte, out _));
            Assert.NotEqual(0ul, pte & Pte.Writable);
            Assert.Equal(601, Pte.Frame(f.Kernel.Layout, pte));
        }

        Assert.Equal(512, map.Gauge.Small);
        map.Change(600, 1, set: Pte.Writable, clear: 0);
        map.Join(600, 1);
        Assert.Equal(0, map.Gauge.Small);
        Assert.True(map.TryWalk(map.ToVirtual(600, 3), out _, out size));
        Assert.Equal(PageSize.Medium, size);
    }

    [Fact]
    public void A_split_of_a_gigabyte_leaves_the_rest_of_it_in_the_maps_of_all_KeyIds()
    {
        PhysicalLayout layout = new(46, 3, 7);
        DirectMap map = new(layout, new(), 2ul << 30, () => { }, Mutant.None);
        map.Add(0, 2ul << 30);
        Assert.True(map.TryWalk(map.ToVirtual(5, 3), out _, out PageSize size));
        Assert.Equal(PageSize.Large, size);
        map.Change(512, 512, set: 0, clear: Pte.Present);
        for (int frame = 0; frame < 1 << 18; frame += 511)
        {
            bool isHidden = frame is >= 512 and < 1024;
            Assert.Equal(!isHidden, map.TryWalk(map.ToVirtual(frame, 3), out _, out _));
        }

        map.Change(512, 512, set: Pte.Present, clear: 0);
        map.Join(512, 512);
        Assert.Equal((2, 0, 0), map.Gauge);
        Assert.True(map.TryWalk(map.ToVirtual(600, 3), out _, out size));
        Assert.Equal(PageSize.Large, size);
    }

    [Fact]
    public void Whole_gigabytes_are_mapped_by_one_entry_unless_boot_says_otherwise()
    {
        PhysicalLayout layout = new(46, 3, 7);
        foreach ((PageSize largest, int l, int m) in new[] { (PageSize.Large, 1, 1), (PageSize.Medium, 0, 513) })
        {
            DirectMap map = new(layout, new DirectMapShape(LargestPage: largest), 2ul << 30, () => { }, Mutant.None);
            map.Add(0, (1ul << 30) + (2 << 20));
            Assert.Equal((l, m, 0), map.Gauge);
        }
    }

    [Fact]
    public void Boot_gives_up_on_machines_that_cannot_have_keys()
    {
        Assert.NotNull(Boot(KernelFixture.Config with { MaxKeyIdBits = 0, MaxKeys = 0 }, 0, new()).Reason);
        Assert.NotNull(Boot(KernelFixture.Config, 0, new()).Reason);
        Assert.Contains("aliases", Boot(KernelFixture.Config, 3, new() { AliasesForbidden = true }).Reason, StringComparison.Ordinal);
        Assert.Contains("CPU_CRYPTO", Boot(KernelFixture.Config, 3, new() { AllMemoryCanBeEncrypted = false }).Reason, StringComparison.Ordinal);
        Assert.Null(Boot(KernelFixture.Config, 3, new()).Reason);
        using Platform uneven = new(KernelFixture.Config, XtsLineCipher.Factory);
        uneven.WriteMsr(0, Msr.TmeActivate, 2 | (3ul << 32) | (5ul << 48));
        uneven.WriteMsr(2, Msr.TmeActivate, 2 | (2ul << 32) | (5ul << 48));
        Assert.Contains("CPU 2", MktmeEnumeration.Detect(uneven, new(), new(), 1 << 30).Reason, StringComparison.Ordinal);

        static MktmeEnumeration Boot(MachineConfig config, int bits, FirmwareFacts firmware)
        {
            using ModelKernel kernel = ModelKernel.Boot(config, new KernelOptions { Firmware = firmware }, bits);
            return kernel.Enumeration;
        }
    }

    [Fact]
    public void Without_HMAT_there_is_no_key_type()
    {
        using KernelFixture f = new(config: KernelFixture.Config with { HasHmat = false });
        Assert.Equal(Errno.ENODEV, f.TryAddKey("type=cpu algorithm=aes-xts-128", out _));
    }

    [Fact]
    public void TDX_takes_the_upper_KeyIds_away()
    {
        using Platform platform = new(KernelFixture.Config, XtsLineCipher.Factory);
        platform.ActivateEncryption(3, tdxBits: 1);
        using ModelKernel kernel = new(platform, new KernelOptions());
        Assert.Equal(3, kernel.Enumeration.KeyIdCount);
        Assert.Equal(3ul | (4ul << 32), platform.ReadMsr(0, Msr.KeyIdPartitioning));
    }

    [Fact]
    public void A_key_is_programmed_on_all_packages_and_busy_ones_are_asked_again()
    {
        using KernelFixture f = new();
        f.Kernel.Platform.InjectBusy(1, 4);
        f.Kernel.Platform.InjectEntropyFailure(0, 4);
        _ = f.AddKey();
        Assert.True(f.Kernel.Platform.IsProgrammed(0, 1) && f.Kernel.Platform.IsProgrammed(1, 1));
        f.Kernel.Platform.InjectBusy(1, 10);
        Assert.Equal(Errno.ENOKEY, f.TryAddKey("type=cpu algorithm=aes-xts-128", out _));
        Assert.False(f.Kernel.Platform.IsProgrammed(0, 2));
        Assert.Equal(KeySlotState.Available, f.Kernel.Keys.Slots.GetState(new KeyId(2)));
        f.Kernel.Platform.InjectBusy(1, 0);
    }

    [Fact]
    public void User_keys_reach_the_hardware_as_given()
    {
        using KernelFixture f = new();
        const string Payload = "type=user algorithm=aes-xts-128 key=00112233445566778899aabbccddeeff tweak=ffeeddccbbaa99887766554433221100";
        ulong one = f.MapEncrypted(1, f.AddKey(Payload));
        f.Write(one, 0x5a);
        int frame = f.FrameOf(one);
        byte[] stored = f.Dump(frame)[..64];
        byte[] raw = Convert.FromHexString("00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100");
        using Strongroom.Crypto.XtsKey expected = Strongroom.Crypto.XtsKey.Import(MemoryAlgorithm.AesXts128, raw);
        byte[] plain = new byte[64];
        expected.Decrypt(stored, plain, (UInt128)((ulong)frame << 6));
        Assert.Equal(0x5a, plain[0]);
        Assert.All(plain[1..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void All_slots_can_be_used_and_come_back()
    {
        using KernelFixture f = new();
        List<KeySerial> keys = [];
        for (int i = 0; i < 7; i++)
        {
            keys.Add(f.AddKey());
        }

        Assert.Equal(Errno.ENOKEY, f.TryAddKey("type=no-encrypt", out _));
        f.Invalidate(keys[3]);
        Assert.Equal(new KeyId(4), f.Kernel.Keys.FindKeyId(f.AddKey("type=no-encrypt")));
    }

    [Fact]
    public void The_last_CPU_of_a_package_stays_while_a_key_is_in_use()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        Assert.Equal(Errno.None, f.Kernel.OfflineCpu(2));
        Assert.Equal(3, f.Kernel.Programmer.LeadOf(1));
        Assert.Equal(Errno.EPERM, f.Kernel.OfflineCpu(3));
        f.Invalidate(key);
        Assert.Equal(Errno.None, f.Kernel.OfflineCpu(3));
        Assert.Equal(Errno.EINVAL, f.TryAddKey("type=cpu algorithm=aes-xts-128", out _)); // nobody can program package 1's memory
        Assert.Equal(Errno.None, f.Kernel.OnlineCpu(3));
        _ = f.AddKey();
        Assert.True(f.Kernel.Platform.IsProgrammed(1, 1));
    }

    [Theory]
    [InlineData((int)MemoryHotplugRule.Refuse, Errno.EPERM)]
    [InlineData((int)MemoryHotplugRule.AcceptIfSafe, Errno.None)]
    public void Memory_that_is_plugged_in_follows_the_rule(int rule, Errno expected)
    {
        using KernelFixture f = new(new KernelOptions { MemoryHotplug = (MemoryHotplugRule)rule });
        ulong section = (ulong)KernelFixture.Config.MemoryPerPackageBytes;
        Assert.Equal(expected, f.Kernel.OnlineMemory(section));
        if (expected != Errno.None)
        {
            return;
        }

        ulong at = f.MapEncrypted(8, f.AddKey());
        for (ulong i = 0; i < 8; i++)
        {
            f.Write(at + (i * 4096), i + 1);
        }

        Assert.True(f.FrameOf(at) >= (int)(section >> 12)); // the movable zone is used first
        Assert.Equal(Errno.None, f.Kernel.OfflineMemory(0, section));
        Assert.False(f.Kernel.DirectMap.TryWalk(f.Kernel.DirectMap.ToVirtual((int)(section >> 12), 1), out _, out _));
        for (ulong i = 0; i < 8; i++)
        {
            Assert.Equal(i + 1, f.Read(at + (i * 4096)));
        }
    }

    [Theory]
    [InlineData((int)PolicyKind.AllocateAndFree, 200, 0)]
    [InlineData((int)PolicyKind.Wrapper, 200, 0)]
    [InlineData((int)PolicyKind.LastKeyId, 1, 99)]
    [InlineData((int)PolicyKind.Pools, 1, 99)]
    public void Policies_flush_as_often_as_they_say(int policy, int flushes, int elided)
    {
        using KernelFixture f = new(new KernelOptions { Policy = (PolicyKind)policy });
        ulong at = f.MapEncrypted(1, f.AddKey());
        for (int i = 0; i < 100; i++)
        {
            f.Write(at, 1);
            f.Advise(at, 4096, Advice.DontNeed);
        }

        FlushCounts counts = f.Kernel.Allocator.Policy.Counts;
        Assert.Equal((ulong)flushes, counts.Total);
        Assert.Equal((ulong)elided, counts.Elided);
    }

    [Fact]
    public void Unencrypted_pages_are_never_flushed()
    {
        foreach (PolicyKind policy in Enum.GetValues<PolicyKind>())
        {
            using KernelFixture f = new(new KernelOptions { Policy = policy });
            ulong at = f.Map(20);
            for (ulong i = 0; i < 20; i++)
            {
                f.Write(at + (i * 4096), 1);
            }

            Assert.Equal(Errno.None, f.Process.UnmapRange(at, 20 * 4096));
            Assert.Equal(0ul, f.Kernel.Platform.Counters.LineFlushes);
        }
    }

    [Fact]
    public void Pools_keep_their_caps_and_give_pages_back_under_pressure()
    {
        using KernelFixture f = new(new KernelOptions { Policy = PolicyKind.Pools, PoolCapPerKeyId = 8, PoolCapTotal = 12 });
        foreach (KeySerial key in new[] { f.AddKey(), f.AddKey() })
        {
            ulong at = f.MapEncrypted(20, key);
            for (ulong i = 0; i < 20; i++)
            {
                f.Write(at + (i * 4096), 1);
            }

            Assert.Equal(Errno.None, f.Process.UnmapRange(at, 20 * 4096));
            Assert.InRange(f.Kernel.Allocator.Policy.PooledFrames, 8, 12);
        }

        List<int> taken = [];
        for (int frame = f.Kernel.Allocator.Allocate(0, Gfp.Kernel, 0, 0, 0); frame >= 0;
            frame = f.Kernel.Allocator.Allocate(0, Gfp.Kernel, 0, 0, 0))
        {
            taken.Add(frame);
        }

        Assert.Equal(0, f.Kernel.Allocator.Policy.PooledFrames);
        taken.ForEach(frame => f.Kernel.Allocator.Free(0, frame));
    }

    [Fact]
    public void Buddies_merge_back_to_the_largest_blocks()
    {
        using KernelFixture f = new();
        f.Kernel.Allocator.DrainAll();
        int before = f.Kernel.Allocator.FreeBlocks(PageAllocator.MaxOrder);
        Random random = new(Environment.TickCount);
        List<int> taken = [];
        for (int i = 0; i < 4000; i++)
        {
            if (taken.Count > 0 && random.Next(2) == 0)
            {
                int at = random.Next(taken.Count);
                f.Kernel.Allocator.Free(random.Next(4), taken[at]);
                taken.RemoveAt(at);
            }
            else
            {
                int frame = f.Kernel.Allocator.Allocate(random.Next(4), Gfp.Kernel, 0, random.Next(6), random.Next(2));
                if (frame >= 0)
                {
                    taken.Add(frame);
                }
            }
        }

        Assert.Null(f.Kernel.Allocator.FindBrokenRule());
        taken.ForEach(frame => f.Kernel.Allocator.Free(0, frame));
        f.Kernel.Allocator.DrainAll();
        Assert.Equal(before, f.Kernel.Allocator.FreeBlocks(PageAllocator.MaxOrder));
    }

    [Fact]
    public void Allocation_flags_say_where_pages_may_lie()
    {
        using KernelFixture f = new(new KernelOptions { Allocator = new() { Dma32Frames = 1024, MinimumFree = 64 } });
        PageAllocator allocator = f.Kernel.Allocator;
        int low = allocator.Allocate(0, Gfp.Dma32, 0, 0, 0);
        int far = allocator.Allocate(0, Gfp.Kernel | Gfp.ThisNode, 0, 0, 1);
        Assert.InRange(low, 0, 1023);
        Assert.Equal(1, allocator.NodeOf(far));
        List<int> taken = [low, far];
        for (int frame = allocator.Allocate(0, Gfp.Dma32, 0, 3, 0); frame >= 0; frame = allocator.Allocate(0, Gfp.Dma32, 0, 3, 0))
        {
            taken.Add(frame);
        }

        int reserve = allocator.Allocate(0, Gfp.Dma32 | Gfp.Atomic, 0, 3, 0);
        Assert.True(reserve >= 0); // what only GFP_ATOMIC may take
        taken.Add(reserve);
        taken.ForEach(frame => allocator.Free(0, frame));
    }

    [Fact]
    public void Vmas_with_different_KeyIds_stay_apart()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(4, f.AddKey());
        KeySerial other = f.AddKey();
        Assert.Equal(Errno.None, f.Process.EncryptMprotect(at + 4096, 4096, Protection.ReadWrite, other));
        Assert.Equal(3, f.Process.Space.VmaCount);
        Assert.Equal(2, f.Kernel.Keys.Slots.GetReferences(new KeyId(1)).VmaCount);
        Assert.Equal(1, f.Kernel.Keys.Slots.GetReferences(new KeyId(2)).VmaCount);
    }
}
