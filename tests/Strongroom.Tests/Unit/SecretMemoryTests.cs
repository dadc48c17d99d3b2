using System;
using System.Globalization;
using System.IO;
using System.Linq;
using Strongroom.Crypto.Machine;
using Strongroom.Kernel;
using Strongroom.Secrets;
using Xunit;

namespace Strongroom.Tests.Unit;

public class SecretMemoryTests
{
    [Theory]
    [InlineData(SecretProtection.MemfdSecret)]
    [InlineData(SecretProtection.LockedMemory)]
    public void A_buffer_is_zero_at_first_and_zero_again_when_asked(SecretProtection strongest)
    {
        using SecretBuffer buffer = Allocate(5000, strongest);
        Assert.Equal(5000, buffer.Span.Length);
        Assert.False(buffer.Span.ContainsAnyExcept((byte)0));
        buffer.Span.Fill(0xaa);
        buffer.Zeroize();
        Assert.False(buffer.Span.ContainsAnyExcept((byte)0));
        Assert.Equal(nameof(SecretBuffer), buffer.ToString());
    }

    [Theory]
    [InlineData(SecretProtection.MemfdSecret)]
    [InlineData(SecretProtection.LockedMemory)]
    public void Guard_pages_lie_on_both_sides_and_children_and_dumps_get_nothing(SecretProtection strongest)
    {
        using SecretBuffer buffer = Allocate(4096, strongest);
        string[] smaps = File.ReadAllLines("/proc/self/smaps");
        string address = ((ulong)buffer.Address).ToString("x", CultureInfo.InvariantCulture);
        string end = ((ulong)buffer.Address + 4096).ToString("x", CultureInfo.InvariantCulture);
        int at = Array.FindIndex(smaps, l => l.StartsWith(address + "-" + end + " rw-", StringComparison.Ordinal));
        Assert.True(at >= 0, "The buffer is not a mapping of its own.");
        string flags = smaps.Skip(at + 1).First(l => l.StartsWith("VmFlags:", StringComparison.Ordinal));
        Assert.Contains(" dc", flags, StringComparison.Ordinal); // not given to children
        Assert.Contains(" dd", flags, StringComparison.Ordinal); // not dumped
        Assert.Contains(" lo", flags, StringComparison.Ordinal); // locked, so not swapped
        Assert.Contains(smaps, l => l.Contains("-" + address + " ---p", StringComparison.Ordinal));
        Assert.Contains(
            smaps, l => l.StartsWith(end + "-", StringComparison.Ordinal) && l.Contains(" ---p", StringComparison.Ordinal));
    }

    [Fact]
    public void Memfd_secret_cannot_be_read_through_proc_and_locked_memory_can()
    {
        using SecretBuffer secret = Allocate(4096, SecretProtection.MemfdSecret);
        using SecretBuffer locked = Allocate(4096, SecretProtection.LockedMemory);
        using FileStream memory =
            new("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] page = new byte[4096];
        memory.Position = locked.Address;
        Assert.Equal(4096, memory.Read(page));
        memory.Position = secret.Address;
        _ = Assert.ThrowsAny<IOException>(() => memory.Read(page));
    }

    [Fact]
    public void A_disposed_buffer_is_refused_and_unmapped()
    {
        SecretBuffer buffer = SecretBuffer.Allocate(100);
        string start = ((ulong)buffer.Address).ToString("x", CultureInfo.InvariantCulture) + "-";
        buffer.Dispose();
        buffer.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.Span.Length);
        Assert.DoesNotContain(
            File.ReadLines("/proc/self/maps"), l => l.StartsWith(start, StringComparison.Ordinal) && l.Contains("secretmem", StringComparison.Ordinal));
    }

    [Fact]
    public void A_refusal_of_the_kernel_is_reported_with_its_error()
    {
        KernelException refused = Assert.Throws<KernelException>(() => SecretRegion.Map((nuint)1 << 50).Dispose());
        Assert.Equal(12, refused.Errno); // ENOMEM: more than the address space
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData((1 << 30) + 1)]
    public void Lengths_out_of_range_are_refused(int lengthBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SecretBuffer.Allocate(lengthBytes).Dispose());

    [Fact]
    public unsafe void Slots_are_zero_distinct_and_wiped_before_they_are_used_again()
    {
        SecretSlotPool pool = new(576);
        nint[] slots = [.. Enumerable.Range(0, 300).Select(_ => pool.Allocate(out SecretProtection _))];
        Assert.Equal(300, slots.Distinct().Count());
        foreach (nint slot in slots)
        {
            Assert.Equal(0, slot % 64);
            Assert.False(new ReadOnlySpan<byte>((void*)slot, 576).ContainsAnyExcept((byte)0));
            new Span<byte>((void*)slot, 576).Fill(0xff);
        }

        pool.Free(slots[7]);
        Assert.Equal(slots[7], pool.Allocate(out _));
        Assert.False(new ReadOnlySpan<byte>((void*)slots[7], 576).ContainsAnyExcept((byte)0));
        Assert.True(new ReadOnlySpan<byte>((void*)slots[8], 576).IndexOfAnyExcept((byte)0xff) < 0);
    }

    [Fact]
    public void Machine_code_is_never_writable_and_executable_at_once()
    {
        byte[] code = new byte[5000];
        code.AsSpan().Fill(0xc3);
        using CodeMemory? memory = CodeMemory.TryMap(code, out string reason);
        Assert.SkipUnless(memory is not null, reason);
        string line = Assert.Single(File.ReadLines("/proc/self/maps"), l => Contains(l, memory!.Address));
        Assert.Contains(" r-xp ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_executable_mapping_is_reported_with_its_reason()
    {
        const int NoSuchProtection = 0x40000000; // mprotect(2) answers EINVAL, as a policy answers EACCES
        using CodeMemory? memory = CodeMemory.TryMap([0xc3], NoSuchProtection, out string reason);
        Assert.Null(memory);
        Assert.StartsWith("executable memory is refused: ", reason, StringComparison.Ordinal);
    }

    // The kernel joins neighbours of equal protection to one line, so the mapping may begin inside of it.
    private static bool Contains(string line, nint address)
    {
        string[] ends = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
        return (ulong)address >= ulong.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            && (ulong)address < ulong.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    private static SecretBuffer Allocate(int lengthBytes, SecretProtection strongest)
    {
        SecretBuffer buffer = SecretBuffer.Allocate(lengthBytes, strongest);
        if (buffer.Protection != strongest)
        {
            buffer.Dispose();
            Assert.Skip("memfd_secret(2) is refused here.");
        }

        return buffer;
    }
}
