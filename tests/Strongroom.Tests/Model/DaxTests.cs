using System.IO;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>Persistent memory, which the series leaves under KeyID 0, and what smaps says of KeyIDs.</summary>
public class DaxTests
{
    private static ulong Map(KernelFixture f, DaxFile file, Process? process = null)
    {
        Assert.Equal(Errno.None, DaxFiles.Map(process ?? f.Process, file, 4 * 4096, out ulong address));
        return address;
    }

    [Fact]
    public void A_hole_reads_zero_through_the_zero_page_until_it_is_written()
    {
        using KernelFixture f = new();
        DaxFile file = f.Kernel.Dax.Create("/mnt/pmem/file", 3 * 4096);
        Process other = f.Kernel.StartProcess();
        ulong here = Map(f, file);
        ulong there = Map(f, file, other);
        Assert.Equal(0ul, f.Read(here));
        Assert.Equal(0ul, f.Read(there, other));
        Assert.Equal(f.Kernel.ZeroFrame, f.FrameOf(here));
        f.Write(here, 42);
        Assert.Equal(42ul, f.Read(there, other));
        Assert.NotEqual(f.Kernel.ZeroFrame, f.FrameOf(there, other));
        Assert.Equal(0, f.PteKeyId(here));
        Assert.Equal(AccessResult.BusError, f.Process.Read(0, here + (3 * 4096), out _));
    }

    [Fact]
    public void A_file_outlives_its_mappings_and_takes_no_key()
    {
        using KernelFixture f = new();
        DaxFile file = f.Kernel.Dax.Create("/mnt/pmem/file", 4 * 4096);
        ulong address = Map(f, file);
        f.Write(address + 4096, 7);
        KeySerial key = f.AddKey();
        Assert.Equal(Errno.EINVAL, f.Process.EncryptMprotect(address, 4096, Protection.ReadWrite, key));
        Process child = f.Process.Fork();
        Assert.Equal(7ul, f.Read(address + 4096, child));
        Assert.Equal(Errno.None, f.Process.UnmapRange(address, 4 * 4096));
        Assert.Equal(7ul, f.Read(Map(f, file) + 4096));
        Assert.Equal(Errno.None, f.Kernel.Pin(child, 0, address + 4096, forWriting: true, out int frame));
        Assert.Equal(frame, f.FrameOf(address + 4096, child));
        f.Kernel.Unpin(0, frame);
    }

    [Fact]
    public void Smaps_has_a_KeyId_line_for_every_VMA()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong plain = f.Map(3);
        ulong keyed = f.MapEncrypted(2, key);
        f.Write(plain, 1);
        f.Write(keyed, 1);
        f.Write(keyed + 4096, 1);
        Assert.True(f.Kernel.SwapOut(0, f.FrameOf(keyed)));
        using StringWriter text = new();
        Smaps.Write(f.Process, text);
        string[] blocks = text.ToString().Split("KeyID:", System.StringSplitOptions.TrimEntries);
        Assert.Equal(3, blocks.Length);
        Assert.Equal("0", blocks[^1].Split('\n')[0].Trim());
        Assert.StartsWith("1", blocks[1], System.StringComparison.Ordinal);
        Assert.Matches(@"Size: +8 kB\s+KernelPageSize: +4 kB\s+MMUPageSize: +4 kB\s+Rss: +4 kB", blocks[0]);
        Assert.Matches(@"Swap: +4 kB", blocks[0]);
        Assert.Matches(@"Size: +12 kB", blocks[1]);
    }
}
