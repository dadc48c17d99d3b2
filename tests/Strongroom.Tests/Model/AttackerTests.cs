using System;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>What the proposal claims against somebody with a probe on the memory, and what it does not claim.</summary>
public class AttackerTests
{
    private const ulong Secret = 0x5ec2_e75e_c2e7_5ec2;

    private static AttackerView Attacker(KernelFixture f) => new(f.Kernel.Platform);

    private static ulong Address(KernelFixture f, ulong at) => (ulong)f.FrameOf(at) << 12;

    private static byte[] DumpLine(KernelFixture f, ulong at)
    {
        f.Kernel.FlushCachesOfAllPackages();
        byte[] line = new byte[64];
        Attacker(f).Dump(Address(f, at), line);
        return line;
    }

    private static void FillLine(KernelFixture f, ulong at, ulong value)
    {
        for (ulong word = 0; word < 64; word += 8)
        {
            f.Write(at + word, value);
        }
    }

    [Fact]
    public void Cold_boot_finds_ciphertext_that_no_key_opens_any_more()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(1, f.AddKey());
        FillLine(f, at, Secret);
        byte[] line = DumpLine(f, at);
        Assert.Equal(-1, line.AsSpan().IndexOf(BitConverter.GetBytes(Secret)));
        ulong address = Address(f, at);
        using Platform platform = new(KernelFixture.Config, XtsLineCipher.Factory);
        platform.ActivateEncryption(3);
        new AttackerView(platform).Overwrite(address, line);
        for (ushort keyId = 0; keyId < 8; keyId++)
        {
            Assert.NotEqual(Secret, platform.Load(0, platform.Layout.WithKeyId(address, new KeyId(keyId))));
        }
    }

    [Fact]
    public void A_reset_machine_keeps_memory_and_loses_keys()
    {
        using Platform platform = new(KernelFixture.Config, XtsLineCipher.Factory);
        platform.ActivateEncryption(3);
        AttackerView attacker = new(platform);
        platform.Store(0, 0x4000, Secret);
        platform.FlushLines(0x4000, 64);
        byte[] before = new byte[64];
        byte[] after = new byte[64];
        attacker.Dump(0x4000, before);
        attacker.ColdBoot(3);
        attacker.Dump(0x4000, after);
        Assert.Equal(before, after);
        Assert.NotEqual(Secret, platform.Load(0, 0x4000));
    }

    [Fact]
    public void Freed_memory_is_noise_once_its_key_is_gone()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong at = f.MapEncrypted(1, key);
        FillLine(f, at, Secret);
        ulong address = Address(f, at);
        Assert.Equal(Errno.None, f.Process.UnmapRange(at, 4096));
        f.Invalidate(key);
        for (ushort keyId = 0; keyId < 8; keyId++)
        {
            Assert.NotEqual(Secret, f.Kernel.Platform.Load(0, f.Kernel.Layout.WithKeyId(address, new KeyId(keyId))));
        }
    }

    [Fact]
    public void Replay_across_KeyIds_and_splice_to_another_address_give_noise()
    {
        using KernelFixture f = new();
        KeySerial key = f.AddKey();
        ulong mine = f.MapEncrypted(2, key);
        ulong theirs = f.MapEncrypted(1, f.AddKey());
        FillLine(f, mine, Secret);
        FillLine(f, mine + 4096, 1);
        FillLine(f, theirs, 2);
        byte[] stolen = DumpLine(f, mine);
        Attacker(f).Overwrite(Address(f, theirs), stolen);
        Attacker(f).Overwrite(Address(f, mine + 4096), stolen);
        Assert.NotEqual(Secret, f.Read(theirs));
        Assert.NotEqual(Secret, f.Read(mine + 4096));
    }

    [Fact]
    public void Equal_plaintext_differs_across_keys_and_addresses_but_not_over_time()
    {
        using KernelFixture f = new();
        ulong mine = f.MapEncrypted(2, f.AddKey());
        ulong theirs = f.MapEncrypted(1, f.AddKey());
        FillLine(f, mine, Secret);
        FillLine(f, mine + 4096, Secret);
        FillLine(f, theirs, Secret);
        byte[] first = DumpLine(f, mine);
        Assert.NotEqual(first, DumpLine(f, theirs));
        Assert.NotEqual(first, DumpLine(f, mine + 4096));
        FillLine(f, mine, 1);
        Assert.NotEqual(first, DumpLine(f, mine));
        FillLine(f, mine, Secret);
        Assert.Equal(first, DumpLine(f, mine)); // not mitigated: the tweak is the address alone
    }

    [Fact]
    public void Replay_in_place_brings_old_data_back()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(1, f.AddKey());
        FillLine(f, at, Secret);
        byte[] old = DumpLine(f, at);
        FillLine(f, at, 7);
        _ = DumpLine(f, at);
        Attacker(f).Overwrite(Address(f, at), old);
        Assert.Equal(Secret, f.Read(at)); // not mitigated: no freshness
    }

    [Fact]
    public void Changed_ciphertext_is_noise_in_one_block_and_goes_unnoticed()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(1, f.AddKey());
        FillLine(f, at, Secret);
        byte[] line = DumpLine(f, at);
        line[3] ^= 1;
        Attacker(f).Overwrite(Address(f, at), line);
        Assert.NotEqual(Secret, f.Read(at));
        Assert.Equal(Secret, f.Read(at + 16)); // not mitigated: no integrity
    }

    [Fact]
    public void Memory_under_no_encrypt_is_in_the_clear()
    {
        using KernelFixture f = new();
        ulong at = f.MapEncrypted(1, f.AddKey("type=no-encrypt"));
        FillLine(f, at, Secret);
        Assert.Equal(0, DumpLine(f, at).AsSpan().IndexOf(BitConverter.GetBytes(Secret)));
    }
}
