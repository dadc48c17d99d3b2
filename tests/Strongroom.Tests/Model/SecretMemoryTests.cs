using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Xunit;

namespace Strongroom.Tests.Model;

public class SecretMemoryTests
{
    private const SecretFlags Both = SecretFlags.Exclusive | SecretFlags.Uncached;

    private static SecretFile Create(KernelFixture f, SecretFlags flags = SecretFlags.Exclusive, long sizeBytes = 3 * 4096)
    {
        Assert.Equal(Errno.None, f.Kernel.Secrets.Create(flags, out SecretFile? file));
        Assert.Equal(Errno.None, SecretMemory.Truncate(file!, sizeBytes));
        return file!;
    }

    private static ulong Map(KernelFixture f, SecretFile file, ulong lengthBytes = 3 * 4096)
    {
        Assert.Equal(Errno.None, SecretMemory.Map(f.Process, file, lengthBytes, isShared: true, out ulong address));
        return address;
    }

    [Fact]
    public void Flags_size_and_sharing_are_checked()
    {
        using KernelFixture f = new();
        Assert.Equal(Errno.EINVAL, f.Kernel.Secrets.Create((SecretFlags)4, out _));
        Assert.Equal(Errno.EINVAL, f.Kernel.Secrets.Create(Both, out _));
        SecretFile none = Create(f, SecretFlags.None);
        Assert.Equal(Errno.EINVAL, SecretMemory.Map(f.Process, none, 4096, true, out _));
        SecretFile file = Create(f);
        Assert.Equal(Errno.EINVAL, SecretMemory.Truncate(file, 4096));
        Assert.Equal(Errno.EINVAL, SecretMemory.Map(f.Process, file, 4096, isShared: false, out _));
        f.Process.LockedLimitBytes = 8192;
        Assert.Equal(Errno.EAGAIN, SecretMemory.Map(f.Process, file, 3 * 4096, true, out _));
        f.Kernel.Secrets.Close(f.Process, none);
        f.Kernel.Secrets.Close(f.Process, file);
        Assert.Equal(0, f.Kernel.Secrets.FileCount);
    }

    [Theory]
    [InlineData((uint)SecretFlags.Exclusive)]
    [InlineData((uint)SecretFlags.Uncached)]
    public void The_kernel_cannot_reach_a_secret_and_nobody_can_pin_it(uint flags)
    {
        using KernelFixture f = new();
        SecretFile file = Create(f, (SecretFlags)flags);
        ulong at = Map(f, file);
        f.Write(at + 4096, 0x77);
        Assert.Equal(0x77ul, f.Read(at + 4096));
        int frame = f.FrameOf(at + 4096);
        for (int cpu = 0; cpu < 4; cpu++)
        {
            _ = Assert.Throws<KernelPageFaultException>(() => f.Kernel.TranslateKernel(cpu, f.Kernel.PageToVirtual(frame)));
        }

        Assert.Equal(Errno.EFAULT, f.Kernel.Pin(f.Process, 0, at + 4096, false, out _));
        Assert.Equal(-1, f.Kernel.Migrate(0, frame, 1));
        Assert.False(f.Kernel.SwapOut(0, frame));
        Assert.False(f.Kernel.Secrets.CanHibernate());
        Assert.Equal(AccessResult.SegmentationFault, f.Process.Read(0, at + (3 * 4096), out _));
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, file);
        Assert.True(f.Kernel.Secrets.CanHibernate());
        byte[] left = new byte[4096];
        f.Kernel.ReadPage(0, frame, left);
        Assert.All(left, b => Assert.Equal(0, b));
        Assert.Equal(0, f.Process.LockedBytes);
    }

    [Fact]
    public void A_fault_past_the_end_of_the_file_is_a_bus_error()
    {
        using KernelFixture f = new();
        SecretFile file = Create(f, sizeBytes: 4096);
        ulong at = Map(f, file);
        f.Write(at, 1);
        Assert.Equal(AccessResult.BusError, f.Process.Write(0, at + 4096, 1));
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, file);
    }

    [Fact]
    public void A_forked_child_maps_the_same_secret()
    {
        using KernelFixture f = new();
        SecretFile file = Create(f);
        ulong at = Map(f, file);
        f.Write(at, 1);
        Process child = f.Process.Fork();
        f.Write(at, 2, child);
        Assert.Equal(2ul, f.Read(at));
        f.Kernel.Secrets.Close(f.Process, file);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 3 * 4096));
        Assert.Equal(2ul, f.Read(at, child));
        child.Exit();
        Assert.Equal(0, f.Kernel.Secrets.FileCount);
    }

    [Fact]
    public void One_2_MiB_chunk_serves_512_pages_with_one_hole_in_the_direct_map()
    {
        using KernelFixture f = new();
        (int large, int medium, int small) = f.Kernel.DirectMap.Gauge;
        f.Process.LockedLimitBytes = 64 << 20;
        SecretFile file = Create(f, sizeBytes: 4 << 20);
        ulong at = Map(f, file, 4 << 20);
        for (ulong page = 0; page < 512; page++)
        {
            f.Write(at + (page * 4096), page);
        }

        _ = Assert.Single(file.Chunks);
        Assert.Equal((large, medium - 1, small), f.Kernel.DirectMap.Gauge);
        f.Write(at + (512 * 4096), 1);
        Assert.Equal(2, file.Chunks.Count);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 4 << 20));
        f.Kernel.Secrets.Close(f.Process, file);
        Assert.Equal((large, medium, small), f.Kernel.DirectMap.Gauge);
    }

    [Fact]
    public void A_mapping_that_grew_keeps_its_file_until_all_of_it_is_gone()
    {
        using KernelFixture f = new();
        SecretFile file = Create(f, sizeBytes: 5 * 4096);
        ulong at = Map(f, file);
        Assert.Equal(Errno.None, f.Process.Space.Remap(
            new(at), 3 * 4096, 5 * 4096, RemapOptions.MayMove, default, out VirtualAddress moved));
        f.Write(moved.Value + (4 * 4096), 9);
        f.Kernel.Secrets.Close(f.Process, file);
        Assert.Equal(Errno.None, f.Process.UnmapRange(moved.Value, 4 * 4096));
        Assert.Equal(9ul, f.Read(moved.Value + (4 * 4096)));
        Assert.False(f.Kernel.Secrets.CanHibernate());
        Assert.Equal(Errno.None, f.Process.UnmapRange(moved.Value + (4 * 4096), 4096));
        Assert.True(f.Kernel.Secrets.CanHibernate());
    }

    [Fact]
    public void Secret_memory_and_mlock_share_one_limit()
    {
        using KernelFixture f = new();
        ulong plain = f.Map(4);
        SecretFile file = Create(f);
        f.Process.LockedLimitBytes = 5 * 4096;
        Assert.Equal(Errno.None, f.Process.Lock(plain, 3 * 4096));
        Assert.Equal(Errno.EAGAIN, SecretMemory.Map(f.Process, file, 3 * 4096, true, out _));
        ulong at = Map(f, file, 2 * 4096);
        Assert.Equal(Errno.ENOMEM, f.Process.Lock(plain + (3 * 4096), 4096));
        Assert.Equal(5 * 4096, f.Process.LockedBytes);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 2 * 4096));
        Assert.Equal(Errno.None, f.Process.Lock(plain + (3 * 4096), 4096));
        f.Kernel.Secrets.Close(f.Process, file);
    }

    [Fact]
    public void A_boot_reserve_is_the_only_source_and_is_recycled()
    {
        using KernelFixture f = new(new KernelOptions { CommandLine = "quiet secretmem=2M nogbpages" });
        SecretFile one = Create(f);
        SecretFile two = Create(f);
        ulong first = Map(f, one);
        ulong second = Map(f, two);
        Assert.Equal(2 << 20, f.Kernel.Secrets.ReserveBytes);
        Assert.Equal(512, f.Kernel.Allocator.CountFrames(FrameState.Reserved));
        f.Write(first, 1);
        Assert.Equal(AccessResult.OutOfMemory, f.Process.Write(0, second, 1));
        Assert.Equal(Errno.None, f.Process.UnmapRange(first, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, one);
        Assert.Equal(0ul, f.Read(second));
        f.Write(second, 1);
        Assert.Equal(Errno.None, f.Process.UnmapRange(second, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, two);
        Assert.Equal(512, f.Kernel.Allocator.CountFrames(FrameState.Reserved));
    }

    [Theory]
    [InlineData("secretmem=2M", 2L << 20)]
    [InlineData("ro secretmem=1m secretmem=0x200k quiet", 512L << 10)]
    [InlineData("secretmem=010", 8)]
    [InlineData("secretmem=3G,x", 3L << 30)]
    [InlineData("secretmem=7E", 7L << 60)]
    [InlineData("secretmem=8E", 0)]
    [InlineData("secretmem=99999999999999999999999", 0)]
    [InlineData("secretmem=", 0)]
    [InlineData("secretmem=M", 0)]
    [InlineData("nosecretmem=2M secretmem", 0)]
    [InlineData("", 0)]
    public void The_boot_parameter_is_a_size_as_the_kernel_reads_sizes(string commandLine, long size) =>
        Assert.Equal(size, BootParameters.SizeOf(commandLine, "secretmem"));

    [Theory]
    [InlineData(1L, 16L << 20, 14L << 20, 2L << 20)]
    [InlineData(3L << 20, 16L << 20, 12L << 20, 4L << 20)]
    [InlineData(1021L << 20, 4L << 30, 3074L << 20, 1022L << 20)]
    [InlineData(1L << 30, 4L << 30, 3L << 30, 1L << 30)]
    [InlineData(1026L << 20, 4L << 30, 2L << 30, 1026L << 20)]
    [InlineData(16L << 20, 16L << 20, 0L, 0L)]
    [InlineData(0L, 16L << 20, 0L, 0L)]
    public void A_reserve_is_aligned_to_2_MiB_and_from_1_GiB_on_to_that(long wanted, long end, long start, long size) =>
        Assert.Equal(((int)(start >> 12), (int)(size >> 12)), SecretMemory.ChooseReserve(wanted, end));

    [Fact]
    public void A_reserve_of_a_gigabyte_splits_no_other_page_of_the_direct_map()
    {
        using KernelFixture f = new(
            new KernelOptions { CommandLine = "secretmem=1G" },
            KernelFixture.Config with { Packages = 1, MemoryPerPackageBytes = 3L << 30, HotplugPerPackageBytes = 0 });
        Assert.Equal((3, 0, 0), f.Kernel.DirectMap.Gauge);
        SecretFile[] files = [Create(f), Create(f), Create(f)];
        foreach (SecretFile file in files)
        {
            f.Write(Map(f, file), 1);
        }

        Assert.Equal((2, 509, 0), f.Kernel.DirectMap.Gauge);
        Assert.All(files, file => Assert.True(file.Chunks[0] >= 2 << 18));
        f.Process.Exec();
        Assert.All(files, file => f.Kernel.Secrets.Close(f.Process, file));
        Assert.Equal((3, 0, 0), f.Kernel.DirectMap.Gauge);
    }

    [Fact]
    public void Of_two_faults_at_once_on_a_page_one_wins_and_both_see_its_page()
    {
        using KernelFixture f = new();
        SecretFile file = Create(f);
        ulong at = Map(f, file);
        Process child = f.Process.Fork();
        f.Kernel.Secrets.DuringFault = () =>
        {
            f.Kernel.Secrets.DuringFault = null;
            f.Write(at, 7, child, cpu: 3);
        };
        Assert.Equal(7ul, f.Read(at));
        Assert.Equal(f.FrameOf(at), f.FrameOf(at, child));
        _ = Assert.Single(file.Returned);
        f.Write(at + 4096, 8);
        Assert.Empty(file.Returned);
        Assert.NotEqual(f.FrameOf(at), f.FrameOf(at + 4096));
        child.Exit();
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, file);
    }

    [Fact]
    public void A_size_that_is_set_while_a_page_is_faulted_in_stays_the_first_one()
    {
        using KernelFixture f = new();
        Assert.Equal(Errno.None, f.Kernel.Secrets.Create(SecretFlags.Exclusive, out SecretFile? file));
        ulong at = Map(f, file!);
        Assert.Equal(AccessResult.BusError, f.Process.Read(0, at, out _)); // before it has a size nothing is behind it
        Assert.Equal(Errno.None, SecretMemory.Truncate(file!, 4096));
        Errno during = Errno.None;
        f.Kernel.Secrets.DuringFault = () => during = SecretMemory.Truncate(file!, 8192);
        f.Write(at, 1);
        Assert.Equal((Errno.EINVAL, 4096L), (during, file!.SizeBytes));
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, file);
    }

    [Fact]
    public void A_PFN_map_with_a_key_is_encrypted_and_holds_the_slot()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        Assert.Equal(Errno.ENOKEY, f.Kernel.Secrets.OpenDevice(f.Process, new KeySerial(4711), out _));
        Assert.Equal(Errno.None, f.Kernel.Secrets.OpenDevice(f.Process, key, out SecretFile? file));
        Assert.Equal(Errno.None, SecretMemory.Truncate(file!, 8192));
        ulong at = Map(f, file!, 8192);
        f.Write(at, 0x1234_5678_9abc_def0);
        Assert.Equal(1, f.PteKeyId(at));
        Assert.Equal(-1, System.MemoryExtensions.IndexOf<byte>(f.Dump(f.FrameOf(at)), System.BitConverter.GetBytes(0x1234_5678_9abc_def0ul)));
        Assert.Equal(Errno.EFAULT, f.Kernel.Pin(f.Process, 0, at, false, out _));
        f.Invalidate(key);
        Assert.Equal(KeySlotState.Killed, f.Kernel.Keys.Slots.GetState(new KeyId(1)));
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 8192));
        f.Kernel.Secrets.Close(f.Process, file!);
        Assert.Equal(KeySlotState.Available, f.Kernel.Keys.Slots.GetState(new KeyId(1)));
        Assert.Equal(Errno.None, f.Kernel.Secrets.OpenDevice(f.Process, null, out SecretFile? plain));
        f.Kernel.Secrets.Close(f.Process, plain!);
    }
}
