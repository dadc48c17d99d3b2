using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Model;
using Xunit;

namespace Strongroom.Tests.Unit.Keys;

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    internal void Advance(TimeSpan time) => _now += time;
}

/// <summary>Key tables that remember what they were given, and refuse when told to.</summary>
internal sealed class FakeProgrammer : IKeyProgrammer
{
    private readonly Queue<ProgramStatus[]> _script = new();
    private readonly HardwareShadow _hardware = new();
    private ProgramStatus[]? _attempt;

    public bool IsAvailable { get; set; } = true;

    public AlgorithmSet ActivatedAlgorithms { get; set; } = AlgorithmSet.AesXts128 | AlgorithmSet.AesXts256;

    public int TargetCount { get; set; } = 1;

    internal bool IsSafe { get; set; } = true;

    internal int SafetyQuestions { get; private set; }

    /// <summary>What each target holds: slot to command and fields, in hex.</summary>
    internal List<Dictionary<int, (KeyCommand Command, string Data, string Tweak)>> Tables { get; } = [[], []];

    internal List<(int Target, KeyCommand Command, int KeyId, uint Control)> Calls { get; } = [];

    internal Func<int, KeyProgram, ProgramStatus>? Answer { get; set; }

    public bool IsTopologySafe()
    {
        SafetyQuestions++;
        return IsSafe;
    }

    /// <summary>Says what the targets answer in the next attempts, one array an attempt.</summary>
    internal void Expect(params ProgramStatus[][] attempts)
    {
        foreach (ProgramStatus[] attempt in attempts)
        {
            _script.Enqueue(attempt);
        }
    }

    public ProgramStatus Program(int target, in KeyProgram program, ReadOnlySpan<byte> fields)
    {
        Calls.Add((target, program.Command, program.KeyId.Value, program.Control));
        Assert.Equal(KeyFields.LengthBytes, fields.Length);
        if (target == 0 || _attempt is null || target >= _attempt.Length)
        {
            _attempt = _script.Count > 0 ? _script.Dequeue() : null;
        }

        ProgramStatus status = Answer?.Invoke(target, program) ?? _attempt?[target] ?? ProgramStatus.Success;
        if (status == ProgramStatus.Success)
        {
            while (Tables.Count <= target)
            {
                Tables.Add([]);
            }

            Tables[target][program.KeyId.Value] = (
                program.Command,
                Convert.ToHexString(KeyFields.Data(fields)),
                Convert.ToHexString(KeyFields.Tweak(fields)));
            _hardware.Program(target, program, fields);
        }

        return status;
    }
}

/// <summary>Keeps fields in a dictionary.</summary>
internal sealed class FakeStore : IKeyFieldStore
{
    internal Dictionary<int, byte[]> Kept { get; } = [];

    public void Store(KeyId keyId, ReadOnlySpan<byte> fields) => Kept[keyId.Value] = fields.ToArray();

    public bool TryLoad(KeyId keyId, Span<byte> fields)
    {
        bool isKept = Kept.TryGetValue(keyId.Value, out byte[]? kept);
        kept?.CopyTo(fields);
        return isKept;
    }

    public void Forget(KeyId keyId) => _ = Kept.Remove(keyId.Value);
}

/// <summary>A key service with its fakes, and short ways to call it.</summary>
internal sealed class KeyBench
{
    internal const string UserPayload =
        "type=user algorithm=aes-xts-128 key=00112233445566778899aabbccddeeff tweak=ffeeddccbbaa99887766554433221100";

    internal const string CpuPayload = "type=cpu algorithm=aes-xts-128";

    private readonly byte[] _fields = new byte[KeyFields.LengthBytes];

    internal KeyBench(KeyApiVersion api = KeyApiVersion.Union, int keyIdBits = 3, Func<KeyServiceOptions, KeyServiceOptions>? change = null)
    {
        KeyServiceOptions options = new()
        {
            Api = api,
            KeyIdBits = keyIdBits,
            Time = Time,
            FieldStore = Store,
            FillRandom = span => span.Fill(0x5a),
            ProgrammingFailed = (program, status) => Failures.Add((program.KeyId.Value, status)),
        };
        Service = new(Programmer, Keyrings, change?.Invoke(options) ?? options);
    }

    internal static KeyCaller Root { get; } =
        new(1, 1, 0, 0, default, KeyCapabilities.SysAdmin | KeyCapabilities.SysResource);

    internal ManualTime Time { get; } = new();

    internal FakeProgrammer Programmer { get; } = new();

    internal FakeStore Store { get; } = new();

    internal LocalKeyrings Keyrings { get; } = new(seed: 1);

    internal List<(int KeyId, ProgramStatus Status)> Failures { get; } = [];

    internal KeyService Service { get; }

    internal KeySlotTable Slots => Service.Slots;

    internal Errno Add(string description, string payload, out KeySerial serial) =>
        Add(Root, description, payload, KeySerial.SessionKeyring, out serial);

    internal Errno Add(KeyCaller caller, string description, string payload, KeySerial keyring, out KeySerial serial)
    {
        Errno errno = Service.Add(caller, description, Encoding.Latin1.GetBytes(payload), keyring, _fields, out serial);
        Assert.All(_fields, octet => Assert.Equal(0, octet));
        return errno;
    }

    internal KeySerial Add(string description = "k", string payload = CpuPayload)
    {
        Assert.Equal(Errno.None, Add(description, payload, out KeySerial serial));
        return serial;
    }

    internal Errno Update(KeySerial serial, string payload)
    {
        Errno errno = Service.Update(Root, serial, Encoding.Latin1.GetBytes(payload), _fields);
        Assert.All(_fields, octet => Assert.Equal(0, octet));
        return errno;
    }

    internal Errno Request(string description, string calloutInfo, KeySerial? keyring, out KeySerial serial) =>
        Service.Request(Root, description, Encoding.Latin1.GetBytes(calloutInfo), keyring, _fields, out serial);

    internal Errno AddTarget() => Service.AddTarget(() => Programmer.TargetCount++, _fields);

    internal KeyId KeyIdOf(KeySerial serial) => Service.FindKeyId(serial);

    /// <summary>Checks that nothing is in use and every slot in every table was cleared.</summary>
    internal void CheckNothingIsLeft()
    {
        _ = Service.CollectGarbage();
        Assert.Equal(Slots.SlotCount, Slots.AvailableCount);
        Assert.Empty(Service.List());
        for (int target = 0; target < Programmer.TargetCount; target++)
        {
            Assert.All(Programmer.Tables[target].Values, held => Assert.Equal(KeyCommand.ClearKey, held.Command));
        }

        Assert.Empty(Store.Kept);
        Assert.All(Enumerable.Range(1, Slots.SlotCount), n =>
            Assert.Equal(KeySlotState.Available, Slots.GetState(new((ushort)n))));
    }
}
