using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Harness;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Model.Keys;

public class KeyServiceModelTests
{
    private const int Steps = 60_000;
    private const int KeyIdBits = 3;

    [Theory]
    [InlineData(KeyApiVersion.Union)]
    [InlineData(KeyApiVersion.Rfc62)]
    public void Random_calls_keep_keys_slots_and_tables_as_a_naive_model_has_them(KeyApiVersion version)
    {
        Random random = new(TestSeed.Choose());
        Model model = new(version);
        for (int step = 0; step < Steps; step++)
        {
            model.Step(random);
            string? wrong = model.FindDifference();
            if (wrong is not null)
            {
                Assert.Fail($"Step {step}: {wrong}.");
            }
        }

        Assert.InRange(model.KeysMade, 1000, Steps);
        model.Finish();
    }

    [Fact]
    public void Threads_that_add_use_and_discard_keys_at_once_leave_nothing_behind()
    {
        Random seeds = new(TestSeed.Choose());
        KeyBench bench = new(keyIdBits: 4);
        const int Threads = 4;
        int[] threadSeeds = [.. Enumerable.Range(0, Threads).Select(_ => seeds.Next())];
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            Random random = new(threadSeeds[thread]);
            byte[] fields = new byte[KeyFields.LengthBytes];
            for (int i = 0; i < 5000; i++)
            {
                if (bench.Service.Add(
                    KeyBench.Root, $"{thread}-{i}", "type=cpu algorithm=aes-xts-128"u8, KeySerial.SessionKeyring, fields, out KeySerial serial)
                    != Errno.None)
                {
                    continue;
                }

                Assert.Equal(Errno.None, bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out KeyHold hold));
                KeyId keyId = hold.KeyId;
                bench.Slots.AddVma(keyId);
                hold.Dispose();
                bench.Slots.AddPages(keyId, 3);
                if (random.Next(2) == 0)
                {
                    Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
                    bench.Slots.DropVma(keyId);
                    bench.Slots.DropPages(keyId, 3);
                }
                else
                {
                    bench.Slots.DropPages(keyId, 3);
                    bench.Slots.DropVma(keyId);
                    Assert.Equal(Errno.None, bench.Service.Invalidate(KeyBench.Root, serial));
                }
            }
        });
        bench.CheckNothingIsLeft();
    }

    private sealed class Key
    {
        internal required string Description { get; init; }

        internal required int KeyId { get; init; }

        internal KeyCommand Command { get; set; }

        internal HashSet<int> Rings { get; } = [];

        internal DateTimeOffset? Death { get; set; }

        internal bool IsRevoked { get; set; }
    }

    private sealed class Model
    {
        private static readonly (string Payload, KeyCommand Command)[] s_payloads =
        [
            (KeyBench.UserPayload, KeyCommand.SetKeyDirect), (KeyBench.CpuPayload, KeyCommand.SetKeyRandom),
            ("type=no-encrypt", KeyCommand.NoEncrypt),
        ];

        private static readonly KeySerial[] s_rings =
            [KeySerial.SessionKeyring, KeySerial.ProcessKeyring, KeySerial.ThreadKeyring];

        private readonly KeyBench _bench;
        private readonly bool _hasUpdate;
        private readonly Dictionary<KeySerial, Key> _keys = [];
        private readonly Dictionary<int, (int Vmas, int Pages, KeyCommand Command)> _users = [];
        private readonly TimeSpan _delay = TimeSpan.FromSeconds(20);

        internal Model(KeyApiVersion version)
        {
            _hasUpdate = version == KeyApiVersion.Union;
            _bench = new(version, KeyIdBits, o => new()
            {
                Api = version,
                KeyIdBits = KeyIdBits,
                Time = o.Time,
                GarbageDelay = _delay,
            });
        }

        internal int KeysMade { get; private set; }

        internal void Step(Random random)
        {
            KeySerial serial = _keys.Count == 0 ? new(7) : _keys.Keys.ElementAt(random.Next(_keys.Count));
            int ring = random.Next(s_rings.Length);
            switch (random.Next(12))
            {
                case 0 or 1 or 2:
                    Add(random, ring);
                    break;
                case 3:
                    Discard(serial, _bench.Service.Invalidate(KeyBench.Root, serial), key => key.Rings.Clear());
                    break;
                case 4:
                    Discard(serial, _bench.Service.Revoke(KeyBench.Root, serial), key =>
                    {
                        key.IsRevoked = true;
                        key.Death = Earlier(key.Death, _bench.Time.GetUtcNow());
                    });
                    break;
                case 5:
                    uint seconds = (uint)random.Next(30);
                    Discard(serial, _bench.Service.SetTimeout(KeyBench.Root, serial, seconds), key =>
                        key.Death = seconds == 0 ? null : _bench.Time.GetUtcNow() + TimeSpan.FromSeconds(seconds));
                    break;
                case 6:
                    Discard(serial, _bench.Service.Link(KeyBench.Root, serial, s_rings[ring]), key => Link(key, ring));
                    break;
                case 7:
                    Unlink(serial, ring);
                    break;
                case 8 or 9:
                    Use(random, serial);
                    break;
                case 10:
                    Unuse(random);
                    break;
                default:
                    _bench.Time.Advance(TimeSpan.FromSeconds(random.Next(4)));
                    _ = _bench.Service.CollectGarbage();
                    Collect();
                    break;
            }
        }

        /// <summary>Compares what is programmed and counted with what should be.</summary>
        internal string? FindDifference()
        {
            for (int number = 1; number <= _bench.Slots.SlotCount; number++)
            {
                Key? key = _keys.Values.FirstOrDefault(k => k.KeyId == number);
                _ = _users.TryGetValue(number, out (int Vmas, int Pages, KeyCommand Command) users);
                KeySlotState expected = key is not null ? KeySlotState.Assigned
                    : users.Vmas + users.Pages > 0 ? KeySlotState.Killed : KeySlotState.Available;
                KeySlotReferences actual = _bench.Slots.GetReferences(new((ushort)number));
                KeySlotState state = _bench.Slots.GetState(new((ushort)number));
                if (state != expected || (actual.IsHeldByKey, actual.VmaCount, actual.PageCount) != (key is not null, users.Vmas, users.Pages))
                {
                    return $"KeyID {number} is {state} with {actual.Total} references, not {expected}";
                }

                KeyCommand programmed = _bench.Programmer.Tables[0].TryGetValue(
                    number, out (KeyCommand Command, string Data, string Tweak) held) ? held.Command : KeyCommand.ClearKey;
                KeyCommand wanted = key?.Command ?? (expected == KeySlotState.Killed ? users.Command : KeyCommand.ClearKey);
                if (programmed != wanted)
                {
                    return $"KeyID {number} holds {programmed}, not {wanted}";
                }
            }

            return null;
        }

        internal void Finish()
        {
            _bench.Service.Clear();
            foreach ((int number, (int vmas, int pages, _)) in _users)
            {
                for (int i = 0; i < vmas; i++)
                {
                    _bench.Slots.DropVma(new((ushort)number));
                }

                if (pages > 0)
                {
                    _bench.Slots.DropPages(new((ushort)number), pages);
                }
            }

            _bench.CheckNothingIsLeft();
        }

        private static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b : a;

        private void Add(Random random, int ring)
        {
            (string payload, KeyCommand command) = s_payloads[random.Next(s_payloads.Length)];
            string description = $"k{random.Next(6)}";
            bool fails = random.Next(8) == 0;
            _bench.Programmer.Answer = fails
                ? (_, program) => program.Command == KeyCommand.ClearKey ? ProgramStatus.Success : ProgramStatus.EntropyError
                : null;
            Errno errno = _bench.Add(KeyBench.Root, description, payload, s_rings[ring], out KeySerial serial);
            _bench.Programmer.Answer = null;

            KeyValuePair<KeySerial, Key> existing = _keys.FirstOrDefault(p => p.Value.Description == description && p.Value.Rings.Contains(ring));
            if (_hasUpdate && existing.Value is { IsRevoked: false } old)
            {
                bool isBusy = _users.TryGetValue(old.KeyId, out (int Vmas, int Pages, KeyCommand Command) users) && users.Vmas + users.Pages > 0;
                Assert.Equal(isBusy ? Errno.EBUSY : fails ? Errno.ENOKEY : Errno.None, errno);
                old.Command = errno == Errno.None ? command : old.Command;
                return;
            }

            int lowest = Enumerable.Range(1, _bench.Slots.SlotCount).FirstOrDefault(n => _keys.Values.All(k => k.KeyId != n)
                && (!_users.TryGetValue(n, out (int Vmas, int Pages, KeyCommand Command) users) || users.Vmas + users.Pages == 0));
            Assert.Equal(lowest == 0 || fails ? Errno.ENOKEY : Errno.None, errno);
            if (errno == Errno.None)
            {
                Key key = new() { Description = description, KeyId = lowest, Command = command };
                _keys.Add(serial, key);
                Link(key, ring);
                KeysMade++;
            }
        }

        private void Discard(KeySerial serial, Errno errno, Action<Key> effect)
        {
            if (!_keys.TryGetValue(serial, out Key? key))
            {
                Assert.Equal(Errno.ENOKEY, errno);
                return;
            }

            Errno expected = key.IsRevoked ? Errno.EKEYREVOKED
                : key.Death <= _bench.Time.GetUtcNow() ? Errno.EKEYEXPIRED : Errno.None;
            Assert.Equal(expected, errno);
            if (errno == Errno.None)
            {
                effect(key);
                Collect();
            }
        }

        private void Link(Key key, int ring)
        {
            foreach (Key other in _keys.Values)
            {
                if (other != key && other.Description == key.Description)
                {
                    _ = other.Rings.Remove(ring);
                }
            }

            _ = key.Rings.Add(ring);
            Collect();
        }

        private void Unlink(KeySerial serial, int ring)
        {
            Errno errno = _bench.Service.Unlink(KeyBench.Root, serial, s_rings[ring]);
            Errno expected = !_keys.TryGetValue(serial, out Key? key) ? Errno.ENOKEY
                : key.Rings.Remove(ring) ? Errno.None : Errno.ENOENT;
            Assert.Equal(expected, errno);
            Collect();
        }

        private void Use(Random random, KeySerial serial)
        {
            Errno errno = _bench.Service.Hold(KeyBench.Root, serial, KeyPermissions.View, out KeyHold hold);
            using KeyHold held = hold;
            if (errno != Errno.None)
            {
                return;
            }

            Key key = _keys[serial];
            Assert.Equal(key.KeyId, hold.KeyId.Value);
            _ = _users.TryGetValue(key.KeyId, out (int Vmas, int Pages, KeyCommand Command) users);
            int pages = random.Next(5);
            _bench.Slots.AddVma(hold.KeyId);
            if (pages > 0)
            {
                _bench.Slots.AddPages(hold.KeyId, pages);
            }

            _users[key.KeyId] = (users.Vmas + 1, users.Pages + pages, key.Command);
        }

        private void Unuse(Random random)
        {
            foreach ((int number, (int vmas, int pages, KeyCommand command)) in _users.ToArray())
            {
                if (vmas > 0 && random.Next(2) == 0)
                {
                    _bench.Slots.DropVma(new((ushort)number));
                    _users[number] = (vmas - 1, pages, command);
                }
                else if (pages > 0)
                {
                    _bench.Slots.DropPages(new((ushort)number), pages);
                    _users[number] = (vmas, 0, command);
                }
            }
        }

        private void Collect()
        {
            foreach ((KeySerial serial, Key key) in _keys.ToArray())
            {
                if (key.Death + _delay <= _bench.Time.GetUtcNow())
                {
                    key.Rings.Clear();
                }

                if (key.Rings.Count == 0)
                {
                    _ = _keys.Remove(serial);
                }
            }
        }
    }
}
