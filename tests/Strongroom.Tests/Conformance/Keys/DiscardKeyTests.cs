using System;
using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Conformance.Keys;

public class DiscardKeyTests
{
    [Fact]
    public void An_invalidated_key_is_destroyed_at_once_and_its_slot_cleared()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        Assert.NotEmpty(bench.Store.Kept);
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(Errno.ENOKEY, bench.Service.Describe(KeyBench.Root, serial, out _));
        bench.CheckNothingIsLeft();
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Calls[^1].Command);
        Assert.Equal(0x102u, bench.Programmer.Calls[^1].Control);
    }

    [Theory]
    [InlineData("revoke")]
    [InlineData("expire")]
    public void A_dead_key_stays_until_the_garbage_delay_is_over(string how)
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add();
        Errno expected = Errno.EKEYREVOKED;
        if (how == "revoke")
        {
            Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, serial));
        }
        else
        {
            Assert.Equal(Errno.None, bench.Service.SetTimeout(KeyBench.Root, serial, 60));
            bench.Time.Advance(TimeSpan.FromSeconds(59));
            Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out _));
            bench.Time.Advance(TimeSpan.FromSeconds(1));
            expected = Errno.EKEYEXPIRED;
        }

        Assert.Equal(expected, bench.Service.Describe(KeyBench.Root, serial, out _));
        Assert.Equal(expected, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(bench.Time.GetUtcNow() + TimeSpan.FromMinutes(5), bench.Service.CollectGarbage());
        bench.Time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromTicks(1));
        Assert.Equal(expected, bench.Service.Describe(KeyBench.Root, serial, out _));
        Assert.Equal(KeySlotState.Assigned, bench.Slots.GetState(new(1)));
        bench.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Null(bench.Service.CollectGarbage());
        Assert.Equal(Errno.ENOKEY, bench.Service.Describe(KeyBench.Root, serial, out _));
        bench.CheckNothingIsLeft();
    }

    [Fact]
    public void A_timeout_can_be_moved_and_taken_back()
    {
        KeyBench bench = new(change: o => new() { KeyIdBits = 3, Time = o.Time, GarbageDelay = TimeSpan.Zero });
        KeySerial serial = bench.Add();
        Assert.Equal(Errno.None, bench.Service.SetTimeout(KeyBench.Root, serial, 10));
        Assert.Equal(Errno.None, bench.Service.SetTimeout(KeyBench.Root, serial, 100));
        bench.Time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(bench.Time.GetUtcNow() + TimeSpan.FromSeconds(50), bench.Service.CollectGarbage());
        Assert.Equal(Errno.None, bench.Service.SetTimeout(KeyBench.Root, serial, 0));
        bench.Time.Advance(TimeSpan.FromDays(1));
        Assert.Null(bench.Service.CollectGarbage());
        Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out _));
    }

    [Fact]
    public void Losing_the_last_link_destroys_a_key_at_once()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add();
        Assert.Equal(Errno.None, bench.Service.Link(KeyBench.Root, serial, KeySerial.UserKeyring));
        Assert.Equal(Errno.None, bench.Service.Link(KeyBench.Root, serial, KeySerial.UserKeyring));
        Assert.Equal(Errno.None, bench.Service.Unlink(KeyBench.Root, serial, KeySerial.SessionKeyring));
        Assert.Equal(Errno.ENOENT, bench.Service.Unlink(KeyBench.Root, serial, KeySerial.SessionKeyring));
        Assert.Equal(KeySlotState.Assigned, bench.Slots.GetState(new(1)));

        // Nobody possesses the key now: the user's keyring is reached through no other.
        Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out _));
        Assert.Equal(Errno.EACCES, bench.Service.Invalidate(KeyBench.Root, serial));
        bench.Service.ForgetKeyring(Resolve(bench, KeySerial.UserKeyring));
        bench.CheckNothingIsLeft();
    }

    [Theory]
    [InlineData("invalidate")]
    [InlineData("revoke")]
    [InlineData("expire")]
    [InlineData("unlink")]
    [InlineData("clear keyring")]
    public void A_key_in_use_can_be_discarded_and_its_slot_lives_until_the_last_page(string how)
    {
        KeyBench bench = new(keyIdBits: 1, change: o => new()
        {
            KeyIdBits = 1,
            Time = o.Time,
            GarbageDelay = TimeSpan.Zero,
            FieldStore = o.FieldStore,
        });
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        KeyId keyId = bench.KeyIdOf(serial);
        bench.Slots.AddVma(keyId);
        bench.Slots.AddPages(keyId, 2);
        Assert.Equal(Errno.None, how switch
        {
            "invalidate" => bench.Service.Invalidate(KeyBench.Root, serial),
            "revoke" => bench.Service.Revoke(KeyBench.Root, serial),
            "unlink" => bench.Service.Unlink(KeyBench.Root, serial, KeySerial.SessionKeyring),
            "clear keyring" => bench.Service.ClearKeyring(KeyBench.Root, KeySerial.SessionKeyring),
            _ => bench.Service.SetTimeout(KeyBench.Root, serial, 1),
        });
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        _ = bench.Service.CollectGarbage();
        Assert.Equal(Errno.ENOKEY, bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out _));
        Assert.Equal(KeySlotState.Killed, bench.Slots.GetState(keyId));
        Assert.Equal(KeyCommand.SetKeyDirect, bench.Programmer.Tables[0][1].Command);
        Assert.Equal(Errno.ENOKEY, bench.Add("l", KeyBench.CpuPayload, out _));

        bench.Slots.AddVma(keyId); // a fork of the mapping
        bench.Slots.DropVma(keyId);
        bench.Slots.DropVma(keyId);
        bench.Slots.DropPages(keyId);
        Assert.Equal(KeySlotState.Killed, bench.Slots.GetState(keyId));
        Assert.Equal(Errno.ENOKEY, bench.Add("l", KeyBench.CpuPayload, out _));
        bench.Slots.DropPages(keyId); // a pinned page went last
        Assert.Equal(KeySlotState.Available, bench.Slots.GetState(keyId));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[0][1].Command);
        Assert.Equal(1, bench.KeyIdOf(bench.Add("l")).Value);
    }

    [Fact]
    public void A_held_key_is_destroyed_only_when_it_is_let_go()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add();
        Assert.Equal(Errno.None, bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out KeyHold hold));
        Assert.Equal(1, hold.KeyId.Value);
        Assert.Equal(Errno.EBUSY, bench.Update(serial, KeyBench.CpuPayload));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(Errno.ENOKEY, bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out _));
        Assert.Equal(KeySlotState.Assigned, bench.Slots.GetState(new(1)));
        hold.Dispose();
        bench.CheckNothingIsLeft();
    }

    [Fact]
    public void A_hold_reports_the_state_of_a_key_before_the_right_to_it()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add();
        KeyCaller other = new(5, 5, 7, 7);
        Assert.Equal(Errno.EACCES, bench.Service.Hold(other, serial, KeyPermissions.View, out _));
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, serial));
        Assert.Equal(Errno.EKEYREVOKED, bench.Service.Hold(other, serial, KeyPermissions.View, out _));
        Assert.Equal(Errno.ENOKEY, bench.Service.Hold(other, new(77), KeyPermissions.View, out _));
        Assert.Equal(Errno.None, bench.Service.Hold(other, KeySerial.SessionKeyring, KeyPermissions.View, out KeyHold keyring));
        Assert.True(keyring.KeyId.IsPlatform);
        keyring.Dispose();
    }

    [Fact]
    public void The_first_version_keeps_keys_until_they_are_revoked_while_unused()
    {
        KeyBench bench = new(KeyApiVersion.Rfc1);
        KeySerial serial = bench.Add("k", "entropy=0011223344556677");
        Assert.Equal(Errno.EPERM, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(Errno.EPERM, bench.Service.SetTimeout(KeyBench.Root, serial, 1));
        bench.Slots.AddVma(new(1));
        Assert.Equal(Errno.EPERM, bench.Service.Revoke(KeyBench.Root, serial));
        Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out _));
        bench.Slots.DropVma(new(1));
        Assert.Equal(Errno.None, bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out KeyHold hold));
        Assert.Equal(Errno.EPERM, bench.Service.Revoke(KeyBench.Root, serial));
        hold.Dispose();

        // Revoking clears the slot synchronously, although the dead key stays linked for a while.
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, serial));
        Assert.Equal(KeySlotState.Available, bench.Slots.GetState(new(1)));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[0][1].Command);
        Assert.Equal(Errno.EKEYREVOKED, bench.Service.Revoke(KeyBench.Root, serial));
        KeyInfo info = Assert.Single(bench.Service.List());
        Assert.True(info.KeyId.IsPlatform && info.IsRevoked);
    }

    [Fact]
    public void Erasing_clears_a_slot_in_use_at_once_and_reuses_it_only_when_it_is_unused()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        bench.Slots.AddVma(new(1));
        Assert.Equal(Errno.EACCES, bench.Service.Erase(new(5, 5, 7, 7), serial));
        Assert.Equal(Errno.None, bench.Service.Revoke(KeyBench.Root, serial));
        Assert.Equal(Errno.None, bench.Service.Erase(KeyBench.Root, serial));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[0][1].Command);
        Assert.Empty(bench.Store.Kept);
        KeyInfo info = Assert.Single(bench.Service.List());
        Assert.True(info.IsErased);
        Assert.Equal(KeySlotState.Killed, info.State);
        Assert.Equal(2, bench.KeyIdOf(bench.Add("l")).Value);
        bench.Slots.DropVma(new(1));
        Assert.Equal(1, bench.KeyIdOf(bench.Add("m")).Value);
        Assert.Equal(Errno.ENOKEY, bench.Service.Erase(KeyBench.Root, serial));
    }

    [Fact]
    public void A_slot_whose_key_is_gone_can_still_be_erased()
    {
        KeyBench bench = new();
        KeySerial serial = bench.Add();
        bench.Slots.AddPages(new(1));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(KeyCommand.SetKeyRandom, bench.Programmer.Tables[0][1].Command);
        Assert.Equal(Errno.None, bench.Service.EraseSlot(new(1)));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[0][1].Command);
        Assert.Equal(Errno.ENOKEY, bench.Service.EraseSlot(new(2)));
        bench.Slots.DropPages(new(1));
        bench.CheckNothingIsLeft();
    }

    [Fact]
    public void Stopping_destroys_all_keys()
    {
        KeyBench bench = new();
        foreach (string name in new[] { "a", "b", "c" })
        {
            _ = bench.Add(name);
        }

        bench.Service.Clear();
        bench.CheckNothingIsLeft();
        Assert.Equal(3, bench.Service.Counters.KeysDestroyed);
    }

    [Fact]
    public void Slots_are_listed_with_their_references_and_states()
    {
        KeyBench bench = new();
        _ = bench.Add("a", KeyBench.UserPayload);
        KeySerial gone = bench.Add("b");
        bench.Slots.AddVma(new(2));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, gone));
        KeyInfo[] list = [.. bench.Service.List()];
        Assert.Equal([(1, KeySlotState.Assigned, 1L, "a"), (2, KeySlotState.Killed, 1L, "")],
            list.Select(info => ((int)info.KeyId.Value, info.State, info.References.Total, info.Description)));
        Assert.Equal([MemoryKeyType.User, MemoryKeyType.Cpu], list.Select(info => info.Spec.Type));
    }

    private static KeySerial Resolve(KeyBench bench, KeySerial named)
    {
        Assert.Equal(Errno.None, bench.Keyrings.Resolve(KeyBench.Root, named, KeyPermissions.View, out KeySerial serial));
        return serial;
    }
}
