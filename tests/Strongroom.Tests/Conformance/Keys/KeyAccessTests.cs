using System;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Conformance.Keys;

public class KeyAccessTests
{
    private static readonly KeyCaller s_owner = new(2, 2, 1000, 100, default, KeyCapabilities.SysResource);
    private static readonly KeyCaller s_sibling = new(3, 3, 1000, 100);
    private static readonly KeyCaller s_member = new(4, 4, 2000, 200, [100]);
    private static readonly KeyCaller s_stranger = new(5, 5, 3000, 300);

    [Fact]
    public void Possession_owner_group_and_others_have_rights_of_their_own()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.None, bench.Service.SetPermissions(
            s_owner, serial, new(KeyPermissions.All, KeyPermissions.View, KeyPermissions.Search, KeyPermissions.Link)));
        foreach ((KeyCaller caller, KeyPermissions rights) in new[]
        {
            (s_owner, KeyPermissions.All), (s_sibling, KeyPermissions.View), (s_member, KeyPermissions.Search),
            (s_stranger, KeyPermissions.Link),
        })
        {
            foreach (KeyPermissions need in new[]
            {
                KeyPermissions.View, KeyPermissions.Write, KeyPermissions.Search, KeyPermissions.Link, KeyPermissions.SetAttribute,
            })
            {
                Errno errno = bench.Service.Hold(caller, serial, need, out KeyHold hold);
                hold.Dispose();
                Assert.Equal((need & rights) == need ? Errno.None : Errno.EACCES, errno);
            }
        }
    }

    [Fact]
    public void A_group_without_any_right_falls_back_to_others()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x3f000001)));
        Assert.Equal(Errno.None, bench.Service.Describe(s_member, serial, out _));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x3f000201)));
        Assert.Equal(Errno.EACCES, bench.Service.Describe(s_member, serial, out _));
    }

    [Fact]
    public void A_key_that_the_possessor_may_not_search_is_not_possessed()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x37010000)));
        Assert.Equal(Errno.EACCES, bench.Service.SetTimeout(s_owner, serial, 1));
        Assert.Equal(Errno.None, bench.Service.Describe(s_owner, serial, out _));
    }

    [Fact]
    public void Permissions_are_changed_by_the_owner_or_an_administrator()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.EINVAL, bench.Service.SetPermissions(s_owner, new(77), new(0x40000000)));
        Assert.Equal(Errno.ENOKEY, bench.Service.SetPermissions(s_owner, new(77), new(0)));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x3f3f3f3f)));
        Assert.Equal(Errno.EACCES, bench.Service.SetPermissions(s_stranger, serial, new(0)));
        KeyCaller administrator = new(5, 5, 3000, 300, default, KeyCapabilities.SysAdmin);
        Assert.Equal(Errno.None, bench.Service.SetPermissions(administrator, serial, new(0x3f010000)));
        Assert.Equal(Errno.EACCES, bench.Service.SetPermissions(administrator, serial, new(0)));
    }

    [Fact]
    public void An_owner_can_hand_a_key_to_a_group_of_his_only()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.None, bench.Service.ChangeOwner(s_stranger, new(77), null, null));
        Assert.Equal(Errno.EACCES, bench.Service.ChangeOwner(s_owner, serial, 1001, null));
        Assert.Equal(Errno.None, bench.Service.ChangeOwner(s_owner, serial, 1000, 100));
        Assert.Equal(Errno.EACCES, bench.Service.ChangeOwner(s_owner, serial, null, 200));
        Assert.Equal(Errno.EACCES, bench.Service.ChangeOwner(s_stranger, serial, 3000, null));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x3f3f3f3f)));
        KeyCaller administrator = new(5, 5, 0, 0, default, KeyCapabilities.SysAdmin);
        Assert.Equal(Errno.None, bench.Service.ChangeOwner(administrator, serial, 3000, 300));
        Assert.Equal(Errno.None, bench.Service.Describe(s_owner, serial, out string text));
        Assert.StartsWith("mktme;3000;300;", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Revoking_needs_write_or_set_attribute()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.EACCES, bench.Service.Revoke(s_sibling, serial));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x3f240000)));
        Assert.Equal(Errno.None, bench.Service.Revoke(s_sibling, serial));
        Assert.Equal(Errno.EKEYREVOKED, bench.Service.Revoke(s_sibling, serial));
    }

    [Fact]
    public void Linking_needs_a_keyring_to_write_to_and_a_key_to_link()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        KeySerial session = bench.Keyrings.JoinNewSession(s_stranger);
        Assert.Equal(Errno.EACCES, bench.Service.Link(s_owner, new(77), session));
        Assert.Equal(Errno.ENOKEY, bench.Service.Link(s_owner, new(77), KeySerial.ProcessKeyring));
        Assert.Equal(Errno.EACCES, bench.Service.Link(s_stranger, serial, KeySerial.SessionKeyring));
        Assert.Equal(Errno.None, bench.Service.Link(s_owner, serial, KeySerial.ProcessKeyring));
        Assert.Equal(Errno.ENOKEY, bench.Service.Unlink(s_owner, new(77), KeySerial.ProcessKeyring));
        Assert.Equal(Errno.ENOENT, bench.Service.Unlink(s_owner, serial, KeySerial.ThreadKeyring));

        // Unlinking needs no right on the key, and works on dead ones.
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x08000000)));
        Assert.Equal(Errno.None, bench.Service.Unlink(s_owner, serial, KeySerial.ProcessKeyring));
    }

    [Fact]
    public void A_link_displaces_a_key_of_the_same_description()
    {
        KeyBench bench = OwnedKey(out KeySerial first);
        Assert.Equal(Errno.None, bench.Add(s_owner, "k", KeyBench.CpuPayload, KeySerial.ProcessKeyring, out KeySerial second));
        Assert.NotEqual(first, second);
        Assert.Equal(Errno.None, bench.Service.Link(s_owner, second, KeySerial.SessionKeyring));
        Assert.False(bench.Service.IsMemoryKey(first));
        Assert.Equal(KeySlotState.Available, bench.Slots.GetState(new(1)));
    }

    [Fact]
    public void Searching_skips_dead_and_forbidden_keys_and_says_why_when_there_is_no_other()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        Assert.Equal(Errno.None, bench.Service.Search(s_owner, KeySerial.SessionKeyring, "k", null, out KeySerial found));
        Assert.Equal(serial, found);
        Assert.Equal(Errno.ENOKEY, bench.Service.Search(s_owner, KeySerial.SessionKeyring, "other", null, out _));
        Assert.Equal(Errno.ENOKEY, bench.Service.Search(s_owner, new(77), "k", null, out _));
        Assert.Equal(Errno.None, bench.Service.Search(s_owner, KeySerial.SessionKeyring, "k", KeySerial.ThreadKeyring, out _));
        Assert.Equal(Errno.None, bench.Service.SetPermissions(s_owner, serial, new(0x2f010000)));
        Assert.Equal(Errno.EACCES, bench.Service.Search(s_owner, KeySerial.SessionKeyring, "k", KeySerial.ThreadKeyring, out _));
        Assert.Equal(Errno.None, bench.Service.SetTimeout(s_owner, serial, 5));
        bench.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(Errno.EKEYEXPIRED, bench.Service.Search(s_owner, KeySerial.SessionKeyring, "k", null, out _));
    }

    [Fact]
    public void Forked_processes_share_a_session_and_lose_their_own_keyrings_when_they_end()
    {
        KeyBench bench = OwnedKey(out KeySerial serial);
        KeyCaller child = new(20, 20, 1000, 100, default, KeyCapabilities.SysResource);
        Assert.Equal(Errno.EACCES, bench.Service.Invalidate(child, serial));
        bench.Keyrings.Inherit(s_owner, child.ProcessId);
        Assert.Equal(Errno.None, bench.Service.Search(child, KeySerial.SessionKeyring, "k", KeySerial.ProcessKeyring, out _));
        Assert.Equal(Errno.None, bench.Add(child, "own", KeyBench.CpuPayload, KeySerial.ProcessKeyring, out KeySerial own));
        foreach (KeySerial gone in bench.Keyrings.End(child.ProcessId, child.ThreadId))
        {
            bench.Service.ForgetKeyring(gone);
        }

        Assert.False(bench.Service.IsMemoryKey(own));
        Assert.Equal(Errno.None, bench.Service.Invalidate(s_owner, serial));
        bench.CheckNothingIsLeft();
    }

    private static KeyBench OwnedKey(out KeySerial serial)
    {
        KeyBench bench = new();
        Assert.Equal(Errno.None, bench.Add(s_owner, "k", KeyBench.CpuPayload, KeySerial.SessionKeyring, out serial));
        return bench;
    }
}
