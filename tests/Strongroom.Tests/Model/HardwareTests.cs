using System;
using System.Buffers.Binary;
using System.IO;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Xunit;

namespace Strongroom.Tests.Model;

public class HardwareTests
{
    private static readonly MachineConfig s_small = new()
    {
        Packages = 2,
        CpusPerPackage = 2,
        MemoryPerPackageBytes = 4 << 20,
        L1 = new(1 << 10, 2),
        L2 = new(2 << 10, 2),
        Llc = new(8 << 10, 4),
    };

    private static Platform Boot(MachineConfig? config = null, int keyIdBits = 6)
    {
        Platform platform = new(config ?? s_small, XtsLineCipher.Factory);
        platform.ActivateEncryption(keyIdBits);
        return platform;
    }

    private static PconfigStatus Program(
        Platform platform, int cpu, int keyId, uint command = 1, uint algorithm = 1, Action<byte[]>? change = null)
    {
        byte[] structure = new byte[KeyProgramLayout.SizeBytes];
        BinaryPrimitives.WriteUInt16LittleEndian(structure, (ushort)keyId);
        BinaryPrimitives.WriteUInt32LittleEndian(structure.AsSpan(2), command | (algorithm << 8));
        change?.Invoke(structure);
        return platform.Pconfig(cpu, 0, 0, 0x1000, structure);
    }

    private static ulong Bus(Platform platform, ulong address, int keyId) =>
        platform.Layout.WithKeyId(address, new KeyId((ushort)keyId));

    [Fact]
    public void KeyId_takes_the_upper_address_bits()
    {
        PhysicalLayout layout = new(52, 6, 63);
        Assert.Equal(46, layout.KeyIdShift);
        Assert.Equal(63, layout.KeyIdCount);
        Assert.Equal(0x000f_c000_0000_0000ul, layout.KeyIdMask);
        Assert.Equal(new KeyId(5), layout.KeyIdOf(layout.WithKeyId(0x1234_5000, new KeyId(5))));
        Assert.Equal(0x1234_5000ul, layout.Strip(layout.WithKeyId(0x1234_5000, new KeyId(63))));
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(15, 32767)]
    [InlineData(16, 65535)]
    public void From_3_to_65535_KeyIds_can_be_activated(int bits, int count)
    {
        using Platform platform = Boot(s_small with { MaxKeyIdBits = bits, MaxKeys = count }, bits);
        Assert.Equal(count, platform.Layout.KeyIdCount);
        Assert.Equal((ulong)count, platform.ReadMsr(0, Msr.KeyIdPartitioning) & uint.MaxValue);
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, count));
        Assert.Equal(PconfigStatus.InvalidKeyId, Program(platform, 0, (count + 1) & 0xffff));
    }

    [Fact]
    public void Cpuid_lists_TME_PCONFIG_and_its_one_target()
    {
        using Platform platform = Boot();
        Assert.Equal(1u << 13, platform.Cpuid(7, 0).Ecx);
        Assert.Equal(1u << 18, platform.Cpuid(7, 0).Edx);
        Assert.Equal(new CpuidResult(1, 1, 0, 0), platform.Cpuid(0x1b, 0));
        Assert.Equal(default, platform.Cpuid(0x1b, 1));
    }

    [Theory]
    [InlineData(0x0001_0000_0000_0002ul | (7ul << 32), "7 KeyID bits")]
    [InlineData(0x0001_0006_0000_0000ul, "without TME enabled")]
    [InlineData(0x0002_0006_0000_0002ul, "an algorithm that")]
    [InlineData(0x0001_0006_0000_0012ul, "policy 1")]
    [InlineData(0x0001_0006_0000_0042ul, "policy 4")]
    [InlineData(0x0001_0071_0000_0002ul, "more TDX bits")]
    [InlineData(0x0001_0006_0000_0006ul, "no key was saved")]
    [InlineData(0x0001_0006_0000_0102ul, "a reserved bit")]
    public void A_bad_TME_ACTIVATE_faults(ulong value, string cause)
    {
        using Platform platform = new(s_small, XtsLineCipher.Factory);
        CpuFaultException fault = Assert.Throws<CpuFaultException>(() => platform.WriteMsr(0, Msr.TmeActivate, value));
        Assert.Equal(CpuFault.GeneralProtection, fault.Fault);
        Assert.Contains(cause, fault.Message, StringComparison.Ordinal);
        Assert.Equal(0ul, platform.ReadMsr(0, Msr.TmeActivate));
    }

    [Fact]
    public void Algorithms_with_integrity_are_listed_activated_and_programmed_like_those_without()
    {
        using Platform platform = new(s_small with { Algorithms = 0b1010 }, XtsLineCipher.Factory);
        Assert.Equal(0b1010ul, platform.ReadMsr(0, Msr.TmeCapability) & 15);
        platform.ActivateEncryption(3);
        Assert.Equal((0b1010ul << 48) | (1 << 4), platform.ReadMsr(0, Msr.TmeActivate) & ((0xfffful << 48) | 0xf0));
        byte[] structure = new byte[192];
        foreach ((int bit, int keyBytes) in new[] { (1, 16), (3, 32) })
        {
            Array.Clear(structure);
            KeyProgramLayout.WriteHeader(structure, new((ushort)bit), PconfigCommand.SetKeyDirect, bit);
            structure[64 + keyBytes - 1] = 1;
            Assert.Equal(PconfigStatus.Success, platform.Pconfig(0, 0, 0, 0, structure));
            structure[64 + keyBytes] = 1;
            Assert.Equal(CpuFault.GeneralProtection, Assert.Throws<CpuFaultException>(() => platform.Pconfig(0, 0, 0, 0, structure)).Fault);
        }

        Array.Clear(structure);
        KeyProgramLayout.WriteHeader(structure, new(1), PconfigCommand.ClearKey, 0);
        Assert.Equal(PconfigStatus.InvalidAlgorithm, platform.Pconfig(0, 0, 0, 0, structure));
    }

    [Theory]
    [InlineData(TmeKey.Saved, TmeKey.Restored, true)]
    [InlineData(TmeKey.Saved, TmeKey.Restored | TmeKey.Saved, true)]
    [InlineData(TmeKey.Saved, TmeKey.New, false)]
    public void Standby_keeps_the_TME_key_if_it_was_saved_and_is_restored(TmeKey before, TmeKey after, bool isKept)
    {
        using Platform platform = new(s_small, XtsLineCipher.Factory);
        platform.ActivateEncryption(3, key: before);
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1));
        ulong keyed = platform.Layout.WithKeyId(0x2000, new(1));
        platform.Store(0, 0x1000, 42);
        platform.Store(0, keyed, 43);
        platform.WriteBackAndInvalidate(0);
        platform.Standby();
        Assert.Equal(0ul, platform.ReadMsr(0, Msr.TmeActivate));
        platform.ActivateEncryption(3, key: after);
        Assert.Equal(isKept, platform.Load(0, 0x1000) == 42);
        Assert.NotEqual(43ul, platform.Load(0, keyed)); // keys of KeyIDs are lost either way
        Assert.False(platform.IsProgrammed(0, 1));
    }

    [Fact]
    public void A_TME_key_that_was_not_saved_or_that_lost_its_power_cannot_be_restored()
    {
        using Platform platform = Boot();
        platform.Standby();
        _ = Assert.Throws<CpuFaultException>(() => platform.ActivateEncryption(3, key: TmeKey.Restored));
        platform.ActivateEncryption(3, key: TmeKey.Saved);
        platform.Standby();
        platform.ColdReset(3);
        platform.Standby();
        _ = Assert.Throws<CpuFaultException>(() => platform.ActivateEncryption(3, key: TmeKey.Restored));
    }

    [Fact]
    public void TME_ACTIVATE_locks_itself()
    {
        using Platform platform = Boot();
        Assert.Equal(1ul, platform.ReadMsr(0, Msr.TmeActivate) & 1);
        _ = Assert.Throws<CpuFaultException>(() => platform.WriteMsr(0, Msr.TmeActivate, 2));
        _ = Assert.Throws<CpuFaultException>(() => platform.WriteMsr(0, Msr.TmeExcludeMask, 0));
        _ = Assert.Throws<CpuFaultException>(() => platform.WriteMsr(0, Msr.TmeCapability, 0));
        _ = Assert.Throws<CpuFaultException>(() => platform.ReadMsr(0, 0x1234));
    }

    [Fact]
    public void Pconfig_faults_before_it_answers()
    {
        using Platform off = new(s_small, XtsLineCipher.Factory);
        _ = Assert.Throws<CpuFaultException>(() => Program(off, 0, 1));
        using Platform none = Boot(keyIdBits: 0);
        _ = Assert.Throws<CpuFaultException>(() => Program(none, 0, 1));
        using Platform platform = Boot();
        byte[] structure = new byte[192];
        Assert.Equal(
            CpuFault.UndefinedOpcode,
            Assert.Throws<CpuFaultException>(() => platform.Pconfig(0, 0, 3, 0x1000, structure)).Fault);
        Assert.Equal(
            CpuFault.GeneralProtection,
            Assert.Throws<CpuFaultException>(() => platform.Pconfig(0, 1, 0, 0x1000, structure)).Fault);
        _ = Assert.Throws<CpuFaultException>(() => platform.Pconfig(0, 0, 0, 0x1080, structure));
        _ = Assert.Throws<CpuFaultException>(() => Program(platform, 0, 1, change: s => s[5] = 1));
        _ = Assert.Throws<CpuFaultException>(() => Program(platform, 0, 1, change: s => s[63] = 1));
        _ = Assert.Throws<CpuFaultException>(() => Program(platform, 0, 1, change: s => s[64 + 16] = 1));
    }

    [Fact]
    public void Pconfig_checks_command_then_KeyId_then_algorithm_then_lock_then_entropy()
    {
        using Platform platform = Boot();
        platform.InjectBusy(0, 1);
        platform.InjectEntropyFailure(0, 1);
        Assert.Equal(PconfigStatus.InvalidCommand, Program(platform, 0, 0, command: 4, algorithm: 0));
        Assert.Equal(PconfigStatus.InvalidKeyId, Program(platform, 0, 0, algorithm: 0));
        Assert.Equal(PconfigStatus.InvalidKeyId, Program(platform, 0, 64, algorithm: 0));
        Assert.Equal(PconfigStatus.InvalidAlgorithm, Program(platform, 0, 1, algorithm: 0));
        Assert.Equal(PconfigStatus.InvalidAlgorithm, Program(platform, 0, 1, algorithm: 5));
        Assert.Equal(PconfigStatus.InvalidAlgorithm, Program(platform, 0, 1, algorithm: 2));
        Assert.Equal(PconfigStatus.InvalidAlgorithm, Program(platform, 0, 1, command: 2, algorithm: 0));
        Assert.Equal(PconfigStatus.InvalidAlgorithm, Program(platform, 0, 1, command: 3, algorithm: 0));
        Assert.Equal(PconfigStatus.DeviceBusy, Program(platform, 0, 1));
        Assert.Equal(PconfigStatus.EntropyError, Program(platform, 0, 1));
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1));
    }

    [Fact]
    public void A_key_is_programmed_in_one_package_only()
    {
        using Platform platform = Boot();
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 3));
        Assert.True(platform.IsProgrammed(0, 3));
        Assert.False(platform.IsProgrammed(1, 3));
    }

    [Fact]
    public void Memory_holds_ciphertext_and_each_KeyId_its_own()
    {
        using Platform platform = Boot();
        AttackerView attacker = new(platform);
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1));
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 2, algorithm: 4));
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 3, command: 3));
        byte[] plain = new byte[64];
        plain.AsSpan().Fill(0x5a);
        byte[][] stored = new byte[4][];
        for (int keyId = 0; keyId < 4; keyId++)
        {
            stored[keyId] = new byte[64];
            platform.Store(0, Bus(platform, 0x3000, keyId), plain);
            platform.FlushLines(Bus(platform, 0x3000, keyId), 64);
            attacker.Dump(0x3000, stored[keyId]);
        }

        Assert.Equal(plain, stored[3]);
        Assert.NotEqual(plain, stored[0]);
        Assert.NotEqual(stored[0], stored[1]);
        Assert.NotEqual(stored[1], stored[2]);
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1, command: 2));
        platform.Store(0, Bus(platform, 0x3000, 1), plain);
        platform.FlushLines(Bus(platform, 0x3000, 1), 64);
        attacker.Dump(0x3000, stored[1]);
        Assert.Equal(stored[0], stored[1]); // a cleared KeyID means the TME key
    }

    [Fact]
    public void Two_KeyIds_of_one_address_are_two_lines_and_a_forgotten_flush_shows()
    {
        using Platform platform = Boot();
        Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1));
        ulong zero = Bus(platform, 0x5000, 0);
        ulong keyed = Bus(platform, 0x5000, 1);
        platform.Store(0, zero, 0x1111);
        platform.Store(0, keyed, 0x2222);
        Assert.Equal(0x1111ul, platform.Load(1, zero));
        Assert.Equal(0x2222ul, platform.Load(1, keyed));

        // The KeyID-0 line is written back last, over the other's ciphertext.
        platform.FlushLines(keyed, 64);
        platform.FlushLines(zero, 64);
        Assert.NotEqual(0x2222ul, platform.Load(0, keyed));
    }

    [Fact]
    public void A_flush_reaches_all_aliases_only_on_the_what_if_machine()
    {
        foreach (FlushReach reach in new[] { FlushReach.Alias, FlushReach.AllAliases })
        {
            using Platform platform = Boot(s_small with { FlushReach = reach });
            Assert.Equal(PconfigStatus.Success, Program(platform, 0, 1));
            platform.Store(0, Bus(platform, 0x5000, 0), 0x1111);
            platform.FlushLines(Bus(platform, 0x5000, 1), 64);
            Assert.Equal(
                reach == FlushReach.Alias,
                platform.Caches.IsCached(Bus(platform, 0x5000, 0) >> 6, out _));
        }
    }

    [Fact]
    public void Within_one_KeyId_all_CPUs_see_one_memory()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        using Platform platform = Boot();
        for (int package = 0; package < 2; package++)
        {
            Assert.Equal(PconfigStatus.Success, Program(platform, package * 2, 1));
        }

        ulong[] expected = new ulong[256];
        for (int i = 0; i < expected.Length; i++)
        {
            platform.Store(0, Bus(platform, (ulong)i * 0x4040, 1) & ~7ul, 0);
        }

        for (int step = 0; step < 60_000; step++)
        {
            int at = random.Next(expected.Length);
            int cpu = random.Next(4);
            ulong bus = Bus(platform, (ulong)at * 0x4040, 1) & ~7ul;
            switch (random.Next(8))
            {
                case < 3:
                    expected[at] = (ulong)random.NextInt64();
                    platform.Store(cpu, bus, expected[at]);
                    break;
                case 3:
                    platform.FlushLines(bus, 8);
                    break;
                case 4 when random.Next(50) == 0:
                    platform.WriteBackAndInvalidate(cpu);
                    break;
                case 5 when random.Next(50) == 0:
                    platform.WriteBack(cpu);
                    break;
                default:
                    Assert.True(expected[at] == platform.Load(cpu, bus), $"seed {seed}, step {step}");
                    break;
            }

            if (step % 4000 == 0)
            {
                Assert.Null(platform.Caches.FindBrokenRule());
            }
        }
    }

    [Fact]
    public void Mesi_states_follow_loads_and_stores()
    {
        using Platform platform = Boot();
        ulong line = 0x8000 >> 6;
        _ = platform.Load(0, 0x8000);
        Assert.Equal("EEE", platform.Caches.Describe(0, line));
        _ = platform.Load(1, 0x8000);
        Assert.Equal("SSE", platform.Caches.Describe(0, line));
        platform.Store(1, 0x8000, 1);
        Assert.Equal("MEE", platform.Caches.Describe(1, line));
        Assert.Equal("IIE", platform.Caches.Describe(0, line));
        _ = platform.Load(2, 0x8000);
        Assert.Equal("SSS", platform.Caches.Describe(1, line));
        Assert.Equal("SSS", platform.Caches.Describe(2, line));
        platform.Store(2, 0x8000, 2);
        Assert.Equal("III", platform.Caches.Describe(1, line));
    }

    [Fact]
    public void An_uncached_write_is_seen_through_the_same_KeyId()
    {
        using Platform platform = Boot();
        platform.Store(0, 0x9000, 7);
        platform.StoreUncached(0x9000, new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 });
        Assert.Equal(9ul, platform.Load(1, 0x9000));
    }

    [Fact]
    public void An_address_without_memory_is_a_machine_check()
    {
        using Platform platform = Boot();
        Assert.Equal(CpuFault.MachineCheck, Assert.Throws<CpuFaultException>(() => platform.Load(0, 0x7000_0000)).Fault);
    }

    [Fact]
    public void A_configuration_file_overrides_what_it_names_and_is_checked()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, """{ "packages": 2, /* a comment */ "l1": { "sizeBytes": 4096, "ways": 4 }, }""");
            MachineConfig config = MachineConfig.Load(path);
            Assert.Equal(2, config.Packages);
            Assert.Equal(16, config.L1.Sets);
            Assert.Equal(2, config.CpusPerPackage);
            File.WriteAllText(path, """{ "packages": 99 }""");
            Assert.Contains("Packages is 99", Assert.Throws<InvalidDataException>(() => MachineConfig.Load(path)).Message, StringComparison.Ordinal);
            File.WriteAllText(path, """{ "pakages": 2 }""");
            _ = Assert.Throws<InvalidDataException>(() => MachineConfig.Load(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
