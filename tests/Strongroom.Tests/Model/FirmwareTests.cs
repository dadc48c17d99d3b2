using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>What firmware tells and sets: the HMAT table and memory excluded from TME.</summary>
public class FirmwareTests
{
    [Fact]
    public void An_HMAT_table_is_laid_out_as_ACPI_says()
    {
        byte[] table = HmatTable.Write([new(3, 7), new(null, 9)]);
        Assert.Equal("HMAT"u8, table.AsSpan(0, 4));
        Assert.Equal(36 + 4 + (2 * 40), table.Length);
        Assert.Equal(table.Length, BitConverter.ToInt32(table, 4));
        Assert.Equal(2, table[8]);
        Assert.Equal([0, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0], table.AsSpan(40, 20).ToArray());
        Assert.Equal([0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], table.AsSpan(80, 20).ToArray());
        Assert.Null(HmatTable.TryRead(table, out IReadOnlyList<HmatDomain> read));
        Assert.Equal([new(3, 7), new(null, 9)], read);
    }

    [Fact]
    public void Latency_and_cache_structures_are_skipped()
    {
        byte[] table = HmatTable.Write([new(0, 0), new(1, 1)]);
        table[40] = 1;
        Assert.Null(HmatTable.TryRead(Signed(table), out IReadOnlyList<HmatDomain> read));
        Assert.Equal([new(1, 1)], read);
    }

    [Theory]
    [InlineData(0, (byte)'X')]   // signature
    [InlineData(4, 1)]           // length
    [InlineData(8, 3)]           // revision
    [InlineData(40, 3)]          // structure type
    [InlineData(44, 39)]         // structure length
    [InlineData(44, 0)]
    [InlineData(84, 41)]         // beyond the table
    public void A_bad_HMAT_table_says_nothing(int offset, byte value)
    {
        byte[] table = HmatTable.Write([new(0, 0), new(1, 1)]);
        table[offset] = value;
        Assert.NotNull(HmatTable.TryRead(Signed(table), out IReadOnlyList<HmatDomain> read));
        Assert.Empty(read);
        using KernelFixture f = new(new KernelOptions { Firmware = new() { Hmat = Signed(table) } });
        Assert.Equal(Errno.ENODEV, f.TryAddKey("type=cpu algorithm=aes-xts-128", out _));
    }

    [Fact]
    public void A_table_with_a_wrong_checksum_or_cut_short_says_nothing()
    {
        byte[] table = HmatTable.Write([new(0, 0)]);
        for (int length = 0; length < table.Length; length++)
        {
            Assert.NotNull(HmatTable.TryRead(table.AsSpan(0, length), out _));
        }

        table[60]++;
        Assert.Equal("its checksum is wrong", HmatTable.TryRead(table, out _));
    }

    [Fact]
    public void Memory_that_no_processor_can_program_makes_keys_impossible()
    {
        Assert.Equal(Errno.EINVAL, Add([new(0, 0), new(null, 1)]));
        Assert.Equal(Errno.EINVAL, Add([new(0, 0), new(5, 1)]));
        Assert.Equal(Errno.EINVAL, Add([]));
        Assert.Equal(Errno.None, Add([new(0, 0), new(0, 1)]));

        static Errno Add(HmatDomain[] domains)
        {
            using KernelFixture f = new(new KernelOptions { Firmware = new() { Hmat = HmatTable.Write(domains) } });
            return f.TryAddKey("type=cpu algorithm=aes-xts-128", out _);
        }
    }

    [Fact]
    public void Excluded_memory_is_in_the_clear_under_KeyId_0_only()
    {
        using Platform platform = new(KernelFixture.Config, XtsLineCipher.Factory);
        ulong mask = ((1ul << KernelFixture.Config.PhysicalAddressBits) - 1) & ~0xffffful;
        platform.WriteMsr(0, Msr.TmeExcludeBase, 0x100000);
        platform.WriteMsr(0, Msr.TmeExcludeMask, mask | (1 << 11));
        platform.ActivateEncryption(3);
        using ModelKernel kernel = new(platform, new KernelOptions());
        const ulong Value = 0x1122334455667788;
        Assert.Equal(Value, Stored(0x100000, 0));
        Assert.Equal(Value, Stored(0x1ff000, 0));
        Assert.NotEqual(Value, Stored(0x200000, 0));
        Assert.NotEqual(Value, Stored(0x0ff000, 0));
        Assert.NotEqual(Value, Stored(0x101000, 1));

        ulong Stored(ulong address, ushort keyId)
        {
            ulong bus = platform.Layout.WithKeyId(address, new KeyId(keyId));
            platform.Store(0, bus, Value);
            platform.FlushLines(bus, 64);
            Assert.Equal(Value, platform.Load(0, bus));
            platform.FlushLines(bus, 64);
            byte[] bytes = new byte[8];
            new AttackerView(platform).Dump(address, bytes);
            return BitConverter.ToUInt64(bytes);
        }
    }

    [Theory]
    [InlineData(Msr.TmeExcludeMask, 1ul << 10)]
    [InlineData(Msr.TmeExcludeMask, 1ul << 46)]
    [InlineData(Msr.TmeExcludeBase, 1ul << 11)]
    [InlineData(Msr.TmeExcludeBase, 1ul << 46)]
    public void Reserved_bits_of_the_exclusion_registers_fault(uint register, ulong value)
    {
        using Platform platform = new(KernelFixture.Config, XtsLineCipher.Factory);
        Assert.Equal(CpuFault.GeneralProtection, Assert.Throws<CpuFaultException>(() => platform.WriteMsr(0, register, value)).Fault);
    }

    private static byte[] Signed(byte[] table)
    {
        table[9] = 0;
        byte sum = 0;
        foreach (byte one in table)
        {
            sum = unchecked((byte)(sum + one));
        }

        table[9] = unchecked((byte)-sum);
        return table;
    }
}
