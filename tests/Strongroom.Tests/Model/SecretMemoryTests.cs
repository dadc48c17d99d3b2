using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Mm;
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
    public void A_boot_reserve_is_the_only_source_and_is_recycled()
    {
        using KernelFixture f = new(new KernelOptions { SecretReserveBytes = 2 << 20 });
        SecretFile one = Create(f);
        SecretFile two = Create(f);
        ulong first = Map(f, one);
        ulong second = Map(f, two);
        f.Write(first, 1);
        Assert.Equal(AccessResult.OutOfMemory, f.Process.Write(0, second, 1));
        Assert.Equal(Errno.None, f.Process.UnmapRange(first, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, one);
        f.Write(second, 1);
        Assert.Equal(Errno.None, f.Process.UnmapRange(second, 3 * 4096));
        f.Kernel.Secrets.Close(f.Process, two);
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
