using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Conformance.Keys;

public class AddKeyTests
{
    private static readonly KeyCaller s_plain = new(2, 2, 1000, 1000);

    [Fact]
    public void Each_type_can_be_added_and_sends_its_command()
    {
        KeyBench bench = new();
        _ = bench.Add("u", KeyBench.UserPayload);
        _ = bench.Add("c", KeyBench.CpuPayload);
        _ = bench.Add("r", "type=clear");
        _ = bench.Add("n", "type=no-encrypt");
        Assert.Equal(
            [(1, KeyCommand.SetKeyDirect), (2, KeyCommand.SetKeyRandom), (3, KeyCommand.ClearKey), (4, KeyCommand.NoEncrypt)],
            bench.Programmer.Calls.Select(call => (call.KeyId, call.Command)));
    }

    [Fact]
    public void The_control_word_carries_command_and_exactly_one_algorithm()
    {
        KeyBench bench = new();
        _ = bench.Add("u", KeyBench.UserPayload);
        _ = bench.Add("c", "type=cpu algorithm=aes-xts-256");
        _ = bench.Add("n", "type=no-encrypt");
        Assert.Equal([0x100u, 0x401u, 0x103u], bench.Programmer.Calls.Select(call => call.Control));
    }

    [Fact]
    public void KeyIds_are_given_out_lowest_first_and_0_never()
    {
        KeyBench bench = new(keyIdBits: 6);
        for (int number = 1; number <= 63; number++)
        {
            Assert.Equal(number, bench.KeyIdOf(bench.Add($"k{number}")).Value);
        }

        Assert.Equal(Errno.ENOKEY, bench.Add("one too many", KeyBench.CpuPayload, out _));
    }

    [Fact]
    public void The_first_key_to_be_released_is_the_first_KeyId_to_be_reused()
    {
        KeyBench bench = new(keyIdBits: 3);
        KeySerial[] serials = [.. Enumerable.Range(1, 7).Select(n => bench.Add($"k{n}"))];
        Assert.Equal(Errno.ENOKEY, bench.Add("more", KeyBench.CpuPayload, out _));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serials[4]));
        Assert.Equal(5, bench.KeyIdOf(bench.Add("more")).Value);
    }

    [Theory]
    [InlineData(KeyApiVersion.Rfc1, Errno.EDQUOT)]
    [InlineData(KeyApiVersion.Rfc2, Errno.ENOKEY)]
    [InlineData(KeyApiVersion.Rfc62, Errno.ENOKEY)]
    [InlineData(KeyApiVersion.V2, Errno.ENOKEY)]
    [InlineData(KeyApiVersion.Union, Errno.ENOKEY)]
    public void Without_a_free_KeyId_adding_fails_as_the_version_says(KeyApiVersion version, Errno expected)
    {
        KeyBench bench = new(version, keyIdBits: 1);
        string payload = version == KeyApiVersion.Rfc1 ? "entropy=0011223344556677" : KeyBench.CpuPayload;
        _ = bench.Add("k", payload);
        Assert.Equal(expected, bench.Add("l", payload, out _));
    }

    [Fact]
    public void Each_check_comes_before_the_next()
    {
        KeyBench bench = new(keyIdBits: 1);
        KeySerial foreign = bench.Keyrings.JoinNewSession(new(9, 9, 1001, 1001));
        bench.Programmer.IsSafe = false;
        bench.Programmer.IsAvailable = false;
        bench.Programmer.Answer = (_, program) =>
            program.Command == KeyCommand.ClearKey ? ProgramStatus.Success : ProgramStatus.InvalidCommand;
        string tooLong = new('x', 5000);

        // Each line removes the first reason to refuse; all later ones still stand.
        Assert.Equal(Errno.EINVAL, bench.Add(s_plain, tooLong, "", foreign, out _));              // description too long
        Assert.Equal(Errno.EACCES, bench.Add(s_plain, "", "", foreign, out _));                   // somebody else's keyring
        Assert.Equal(Errno.ENODEV, bench.Add(s_plain, "", "", KeySerial.SessionKeyring, out _));  // no such key type
        bench.Programmer.IsAvailable = true;
        Assert.Equal(Errno.EACCES, bench.Add(s_plain, "", "", KeySerial.SessionKeyring, out _));  // no capability
        Assert.Equal(Errno.EINVAL, bench.Add("", "bad", out _));                                  // payload
        Assert.Equal(Errno.EINVAL, bench.Add("", KeyBench.CpuPayload, out _));                    // description
        Assert.Equal(0, bench.Programmer.SafetyQuestions);
        Assert.Equal(Errno.EINVAL, bench.Add("k", KeyBench.CpuPayload, out _));                   // topology
        Assert.Equal(1, bench.Programmer.SafetyQuestions);
        bench.Programmer.IsSafe = true;
        Assert.Empty(bench.Programmer.Calls);
        Assert.Equal(Errno.ENOKEY, bench.Add("k", KeyBench.CpuPayload, out _));                   // programming
        bench.Programmer.Answer = null;
        Assert.Equal(Errno.None, bench.Add("k", KeyBench.CpuPayload, out _));
        int calls = bench.Programmer.Calls.Count;
        Assert.Equal(Errno.ENOKEY, bench.Add("l", KeyBench.CpuPayload, out _));                   // KeyIDs
        Assert.Equal(calls, bench.Programmer.Calls.Count);
    }

    [Fact]
    public void The_first_version_looks_at_the_description_before_the_capability()
    {
        KeyBench bench = new(KeyApiVersion.Rfc1);
        Assert.Equal(Errno.EINVAL, bench.Add(s_plain, "", "bad", KeySerial.SessionKeyring, out _));
        Assert.Equal(Errno.EACCES, bench.Add(s_plain, "k", "bad", KeySerial.SessionKeyring, out _));
    }

    [Theory]
    [InlineData(KeyCapabilities.None, Errno.EACCES)]
    [InlineData(KeyCapabilities.SysResource, Errno.None)]
    [InlineData(KeyCapabilities.SysAdmin, Errno.None)]
    public void Either_of_two_capabilities_is_enough(KeyCapabilities capabilities, Errno expected)
    {
        KeyBench bench = new();
        KeyCaller caller = new(2, 2, 1000, 1000, default, capabilities);
        Assert.Equal(expected, bench.Add(caller, "k", KeyBench.CpuPayload, KeySerial.SessionKeyring, out _));
    }

    [Fact]
    public void The_capability_can_be_waived_for_a_whole_service()
    {
        KeyBench bench = new(change: options => new() { IsCapabilityRequired = false, KeyIdBits = options.KeyIdBits });
        Assert.Equal(Errno.None, bench.Add(s_plain, "k", KeyBench.CpuPayload, KeySerial.SessionKeyring, out _));
    }

    [Theory]
    [InlineData(1, Errno.ENOKEY)]
    [InlineData(-9, Errno.EINVAL)]
    public void A_keyring_that_does_not_exist_is_reported(int keyring, Errno expected) =>
        Assert.Equal(expected, new KeyBench().Add(KeyBench.Root, "k", KeyBench.CpuPayload, new(keyring), out _));

    [Theory]
    [InlineData(KeyApiVersion.Union, true)]
    [InlineData(KeyApiVersion.Rfc2, true)]
    [InlineData(KeyApiVersion.Rfc62, false)]
    [InlineData(KeyApiVersion.V2, false)]
    public void The_same_description_again_updates_or_displaces(KeyApiVersion version, bool updates)
    {
        KeyBench bench = new(version);
        KeySerial first = bench.Add("k");
        for (int i = 0; i < 4; i++)
        {
            KeySerial again = bench.Add("k", i % 2 == 0 ? "type=no-encrypt" : KeyBench.CpuPayload);
            Assert.Equal(updates, again == first);
        }

        Assert.Equal(1, bench.Slots.SlotCount - bench.Slots.AvailableCount);
        Assert.Equal(updates ? 1 : 5, bench.Service.Counters.KeysAdded);
        Assert.Equal(updates ? 4 : 0, bench.Service.Counters.KeysUpdated);
    }

    [Fact]
    public void A_revoked_key_of_the_same_description_is_displaced_not_updated()
    {
        KeyBench bench = new();
        KeySerial first = bench.Add("k");
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, first));
        KeySerial second = bench.Add("k");
        Assert.NotEqual(first, second);
        Assert.Equal(Errno.ENOKEY, bench.Service.Describe(KeyBench.Root, first, out _));
    }

    [Fact]
    public void Updating_programs_the_same_slot_and_needs_it_unused()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add("k");
        KeyId keyId = bench.KeyIdOf(serial);
        Assert.Equal(Errno.None, bench.Update(serial, KeyBench.UserPayload));
        Assert.Equal(KeyCommand.SetKeyDirect, bench.Programmer.Tables[0][keyId.Value].Command);
        Assert.Equal(Errno.None, bench.Update(serial, "type=clear"));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[0][keyId.Value].Command);
        Assert.Empty(bench.Store.Kept);

        bench.Slots.AddVma(keyId);
        Assert.Equal(Errno.EBUSY, bench.Update(serial, KeyBench.UserPayload));
        Assert.Equal(Errno.EBUSY, bench.Add("k", KeyBench.CpuPayload, out _));
        bench.Slots.AddPages(keyId);
        bench.Slots.DropVma(keyId);
        Assert.Equal(Errno.EBUSY, bench.Update(serial, KeyBench.UserPayload));
        bench.Slots.DropPages(keyId);
        Assert.Equal(Errno.None, bench.Update(serial, KeyBench.UserPayload));
    }

    [Fact]
    public void Each_check_of_an_update_comes_before_the_next()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add("k");
        Assert.Equal(Errno.EINVAL, bench.Update(new(77), new string('x', 4097)));
        Assert.Equal(Errno.ENOKEY, bench.Update(new(77), "bad"));
        byte[] fields = new byte[KeyFields.LengthBytes];
        KeyCaller same = new(1, 1, 0, 0);
        Assert.Equal(Errno.EACCES, bench.Service.Update(same, serial, "bad"u8, fields));
        Assert.Equal(Errno.EINVAL, bench.Update(serial, "bad"));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(KeyBench.Root, serial, new(0x3b3b3b3b)));
        Assert.Equal(Errno.EACCES, bench.Update(serial, KeyBench.CpuPayload));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(KeyBench.Root, serial, new(0x3f3f3f3f)));
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, serial));
        Assert.Equal(Errno.EKEYREVOKED, bench.Update(serial, KeyBench.CpuPayload));
    }

    [Theory]
    [InlineData(KeyApiVersion.Rfc62)]
    [InlineData(KeyApiVersion.V2)]
    public void Versions_without_an_update_say_so_to_who_may_write(KeyApiVersion version)
    {
        KeyBench bench = new(version);
        KeySerial serial = bench.Add("k");
        Assert.Equal(Errno.EACCES, bench.Update(serial, KeyBench.CpuPayload)); // no right to write by default
        Assert.Equal(Errno.None, bench.Service.SetPermissions(KeyBench.Root, serial, new(0x3f3f3f3f)));
        Assert.Equal(Errno.EOPNOTSUPP, bench.Update(serial, "bad"));
    }

    [Theory]
    [InlineData(KeyApiVersion.Union, 0x3d010000u)]
    [InlineData(KeyApiVersion.Rfc2, 0x3d010000u)]
    [InlineData(KeyApiVersion.V2, 0x39010000u)]
    public void A_new_key_is_described_with_the_kernels_default_permissions(KeyApiVersion version, uint permissions)
    {
        KeyBench bench = new(version);
        KeySerial serial = bench.Add("my key");
        Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out string text));
        Assert.Equal($"mktme;0;0;{permissions:x8};my key", text);
    }

    [Fact]
    public void A_payload_can_never_be_read()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        Assert.Equal(Errno.EOPNOTSUPP, bench.Service.Read(KeyBench.Root, serial));
        Assert.Equal(Errno.EACCES, bench.Service.Read(s_plain, serial));
        Assert.Equal(Errno.ENOKEY, bench.Service.Read(KeyBench.Root, new(77)));
    }

    [Fact]
    public void Material_of_a_user_key_reaches_the_table_and_kernel_entropy_is_stirred_into_a_cpu_key()
    {
        KeyBench bench = new();
        _ = bench.Add("u", KeyBench.UserPayload);
        _ = bench.Add("c", "type=cpu algorithm=aes-xts-128 key=ffffffffffffffffffffffffffffffff");
        _ = bench.Add("l", "type=cpu algorithm=aes-xts-256");
        string rest = new('0', 96);
        Assert.Equal(
            (KeyCommand.SetKeyDirect, "00112233445566778899AABBCCDDEEFF" + rest, "FFEEDDCCBBAA99887766554433221100" + rest),
            bench.Programmer.Tables[0][1]);
        string filled = string.Concat(Enumerable.Repeat("5A", 16));
        Assert.Equal(
            (KeyCommand.SetKeyRandom, string.Concat(Enumerable.Repeat("A5", 16)) + rest, filled + rest), bench.Programmer.Tables[0][2]);
        Assert.Equal(filled + filled + new string('0', 64), bench.Programmer.Tables[0][3].Data);
    }

    [Fact]
    public void The_newest_version_leaves_a_cpu_key_to_the_machine_alone()
    {
        KeyBench bench = new(KeyApiVersion.V2);
        _ = bench.Add("c");
        Assert.Equal((KeyCommand.SetKeyRandom, new string('0', 128), new string('0', 128)), bench.Programmer.Tables[0][1]);
    }

    [Fact]
    public void Requesting_finds_a_key_or_makes_it_from_the_callout()
    {
        KeyBench bench = new();
        Assert.Equal(Errno.ENOKEY, bench.Request("k", "", null, out _));
        Assert.Equal(Errno.None, bench.Request("k", KeyBench.CpuPayload, null, out KeySerial made));
        Assert.Equal(Errno.None, bench.Request("k", KeyBench.CpuPayload, null, out KeySerial found));
        Assert.Equal(made, found);
        Assert.Equal(Errno.EINVAL, bench.Request("l", "bad", null, out _));
        Assert.Equal(Errno.None, bench.Request("k", "", KeySerial.ProcessKeyring, out _));
        Assert.Equal(Errno.None, bench.Keyrings.Resolve(KeyBench.Root, KeySerial.ProcessKeyring, KeyPermissions.Read, out KeySerial ring));
        Assert.Equal([made], bench.Service.ListKeyring(ring));
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, made));
        Assert.Equal(Errno.EKEYREVOKED, bench.Request("k", KeyBench.CpuPayload, null, out _));
    }
}
