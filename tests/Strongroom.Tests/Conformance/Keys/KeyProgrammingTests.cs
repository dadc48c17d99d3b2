using System;
using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Conformance.Keys;

public class KeyProgrammingTests
{
    private const ProgramStatus Ok = ProgramStatus.Success;
    private const ProgramStatus Busy = ProgramStatus.DeviceBusy;
    private const ProgramStatus Entropy = ProgramStatus.EntropyError;

    [Fact]
    public void Every_command_goes_to_every_target()
    {
        KeyBench bench = TwoTargets();
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        Assert.Equal(bench.Programmer.Tables[0][1], bench.Programmer.Tables[1][1]);
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal([(0, KeyCommand.SetKeyDirect), (1, KeyCommand.SetKeyDirect), (0, KeyCommand.ClearKey), (1, KeyCommand.ClearKey)],
            bench.Programmer.Calls.Select(call => (call.Target, call.Command)));
        bench.CheckNothingIsLeft();
    }

    [Fact]
    public void Busy_and_entropy_errors_are_retried_up_to_ten_attempts()
    {
        KeyBench bench = TwoTargets();
        bench.Programmer.Expect([.. Enumerable.Repeat<ProgramStatus[]>([Busy, Ok], 5), .. Enumerable.Repeat<ProgramStatus[]>([Ok, Entropy], 4)]);
        Assert.Equal(Errno.None, bench.Add("k", KeyBench.CpuPayload, out _));
        Assert.Equal(20, bench.Programmer.Calls.Count);
        Assert.Equal((5, 4), (bench.Service.Counters.BusyRetries, bench.Service.Counters.EntropyRetries));
        Assert.Empty(bench.Failures);
    }

    [Fact]
    public void The_tenth_failed_attempt_is_the_last_and_the_slot_is_cleared_and_free()
    {
        KeyBench bench = TwoTargets();
        bench.Programmer.Expect([.. Enumerable.Repeat<ProgramStatus[]>([Busy, Ok], 10)]);
        Assert.Equal(Errno.ENOKEY, bench.Add("k", KeyBench.UserPayload, out KeySerial serial));
        Assert.Equal(default, serial);
        Assert.Equal(22, bench.Programmer.Calls.Count); // ten attempts and one clear on both
        Assert.Equal([(1, Busy)], bench.Failures);
        bench.CheckNothingIsLeft();
    }

    [Theory]
    [InlineData(ProgramStatus.InvalidCommand)]
    [InlineData(ProgramStatus.InvalidKeyId)]
    [InlineData(ProgramStatus.InvalidAlgorithm)]
    public void An_invalid_command_is_not_retried(ProgramStatus status)
    {
        foreach (ProgramStatus[] attempt in new ProgramStatus[][] { [Busy, status], [status, Busy], [status, Ok] })
        {
            KeyBench bench = TwoTargets();
            bench.Programmer.Expect([attempt]);
            Assert.Equal(Errno.ENOKEY, bench.Add("k", KeyBench.CpuPayload, out _));
            Assert.Equal([(1, status)], bench.Failures);
            Assert.Equal(2, bench.Programmer.Calls.Count(call => call.Command == KeyCommand.SetKeyRandom));
            bench.CheckNothingIsLeft();
        }
    }

    [Fact]
    public void A_busy_table_beats_missing_entropy()
    {
        foreach (ProgramStatus[] attempt in new ProgramStatus[][] { [Entropy, Busy], [Busy, Entropy] })
        {
            KeyBench bench = TwoTargets();
            bench.Programmer.Expect([.. Enumerable.Repeat(attempt, 10)]);
            Assert.Equal(Errno.ENOKEY, bench.Add("k", KeyBench.CpuPayload, out _));
            Assert.Equal([(1, Busy)], bench.Failures);
        }
    }

    [Fact]
    public void A_slot_that_a_target_does_not_clear_is_reused_all_the_same_and_reported()
    {
        KeyBench bench = new(keyIdBits: 1);
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        bench.Programmer.Expect([.. Enumerable.Repeat<ProgramStatus[]>([Busy], 10)]);
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(1, bench.Service.Counters.ClearFailures);
        Assert.Equal([(1, Busy)], bench.Failures);
        Assert.Equal(1, bench.KeyIdOf(bench.Add("l")).Value);
    }

    [Fact]
    public void An_update_that_no_target_takes_leaves_the_key_and_one_that_some_take_kills_it()
    {
        KeyBench bench = TwoTargets();
        KeySerial serial = bench.Add("k", KeyBench.UserPayload);
        bench.Programmer.Expect([.. Enumerable.Repeat<ProgramStatus[]>([Busy, Busy], 10)]);
        Assert.Equal(Errno.ENOKEY, bench.Update(serial, KeyBench.CpuPayload));
        Assert.Equal(Errno.None, bench.Service.Describe(KeyBench.Root, serial, out _));
        Assert.Equal(KeyCommand.SetKeyDirect, bench.Programmer.Tables[0][1].Command);
        bench.Programmer.Expect([.. Enumerable.Repeat<ProgramStatus[]>([Ok, Busy], 10)]);
        Assert.Equal(Errno.ENOKEY, bench.Update(serial, KeyBench.CpuPayload));
        Assert.Equal(Errno.EKEYREVOKED, bench.Service.Describe(KeyBench.Root, serial, out _));
        Assert.Equal(KeySlotState.Available, bench.Slots.GetState(new(1)));
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[1][1].Command);
    }

    [Fact]
    public void The_topology_is_looked_at_before_the_first_key_and_after_a_change()
    {
        KeyBench bench = new();
        _ = bench.Add("a");
        _ = bench.Add("b");
        Assert.Equal(1, bench.Programmer.SafetyQuestions);
        bench.Service.ForgetTopology();
        bench.Programmer.IsSafe = false;
        Assert.Equal(Errno.EINVAL, bench.Add("c", KeyBench.CpuPayload, out _));
        bench.Programmer.IsSafe = true;
        _ = bench.Add("c");
        Assert.Equal(3, bench.Programmer.SafetyQuestions);
    }

    [Fact]
    public void A_new_target_gets_every_slot_in_use_also_those_whose_key_is_gone()
    {
        KeyBench bench = new();
        _ = bench.Add("u", KeyBench.UserPayload);
        KeySerial gone = bench.Add("c");
        _ = bench.Add("n", "type=no-encrypt");
        bench.Slots.AddVma(new(2));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, gone));
        Assert.Equal(Errno.None, bench.AddTarget());
        Assert.Equal(2, bench.Programmer.TargetCount);
        Assert.Equal(bench.Programmer.Tables[0][1], bench.Programmer.Tables[1][1]);
        Assert.Equal(KeyCommand.SetKeyRandom, bench.Programmer.Tables[1][2].Command);
        Assert.Equal(KeyCommand.NoEncrypt, bench.Programmer.Tables[1][3].Command);
    }

    [Fact]
    public void A_new_target_is_refused_while_the_material_of_a_user_key_is_not_kept()
    {
        KeyBench bench = new(change: o => new() { KeyIdBits = 3, Time = o.Time });
        _ = bench.Add("c");
        Assert.Equal(Errno.None, bench.AddTarget());
        KeySerial user = bench.Add("u", KeyBench.UserPayload);
        Assert.Equal(Errno.EPERM, bench.AddTarget());
        Assert.Equal(2, bench.Programmer.TargetCount);
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, user));
        Assert.Equal(Errno.None, bench.AddTarget());
    }

    [Fact]
    public void A_new_target_that_cannot_be_programmed_is_not_added()
    {
        KeyBench bench = new();
        _ = bench.Add("u", KeyBench.UserPayload);
        _ = bench.Add("c");
        bench.Programmer.Answer = (target, program) => target == 1 && program.KeyId.Value == 2 ? Busy : Ok;
        int before = bench.Programmer.Calls.Count;
        Assert.Equal(Errno.ENOKEY, bench.AddTarget());
        Assert.Equal(1 + KeyService.MaxProgramAttempts + 1, bench.Programmer.Calls.Count - before);
        Assert.Equal(1, bench.Programmer.TargetCount);
        Assert.Equal(KeyCommand.ClearKey, bench.Programmer.Tables[1][1].Command);
    }

    [Theory]
    [InlineData(KeyApiVersion.Union, Errno.EPERM)]
    [InlineData(KeyApiVersion.V2, Errno.EPERM)]
    [InlineData(KeyApiVersion.Rfc62, Errno.EPERM)]
    [InlineData(KeyApiVersion.Rfc2, Errno.None)]
    public void The_last_processor_of_a_target_cannot_leave_while_a_slot_is_in_use(KeyApiVersion version, Errno expected)
    {
        KeyBench bench = new(version);
        KeySerial serial = bench.Add();
        Assert.Equal(expected, bench.Service.RemoveTarget(() => { }));
        Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
        Assert.Equal(Errno.None, bench.Service.RemoveTarget(() => { }));
    }

    [Theory]
    [InlineData("union", KeyApiVersion.Union)]
    [InlineData("rfc1", KeyApiVersion.Rfc1)]
    [InlineData("rfc2", KeyApiVersion.Rfc2)]
    [InlineData("rfc62", KeyApiVersion.Rfc62)]
    [InlineData("v2", KeyApiVersion.V2)]
    [InlineData("V2", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Versions_have_names(string? name, KeyApiVersion? expected)
    {
        Assert.Equal(expected.HasValue, KeyApiVersions.TryParse(name, out KeyApiVersion version));
        Assert.Equal(expected ?? KeyApiVersion.Union, version);
    }

    [Fact]
    public void Every_result_has_its_sentence() => Assert.Equal(
        [
            "KeyID was successfully programmed", "Invalid KeyID programming command", "Insufficient entropy", "KeyID not valid",
            "Invalid encryption algorithm chosen", "Failure to access key table",
        ],
        Enum.GetValues<ProgramStatus>().Select(status => status.Describe()));

    private static KeyBench TwoTargets()
    {
        KeyBench bench = new();
        bench.Programmer.TargetCount = 2;
        return bench;
    }
}
