using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Tests.Harness;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Model.Keys;

public class KeyPayloadFuzzTests
{
    private const int ParsedInputs = 3_000_000;
    private const int ComparedInputs = 600_000;
    private const int AddedInputs = 150_000;

    private static readonly string[] s_good =
    [
        KeyBench.UserPayload,
        KeyBench.CpuPayload,
        "type=no-encrypt",
        "type=clear",
        "type=cpu algorithm=aes-xts-256",
        "type=cpu\talgorithm=aes-xts-128  key=00112233445566778899AABBCCDDEEFF",
        "tweak=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff algorithm=aes-xts-256 type=user "
            + "key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "userkey=0011223344556677 tweak=8899aabbccddeeff",
        "entropy=0011223344556677 algorithm=aes_xts_128",
    ];

    private static readonly string[] s_words =
    [
        "type=", "algorithm=", "key=", "tweak=", "userkey=", "entropy=", "user", "cpu", "clear", "no-encrypt", "aes-xts-128",
        "aes-xts-256", "aes_xts_128", "=", " ", "\t", "\0", "00112233445566778899aabbccddeeff", "0011223344556677", "0", "g", "\xff",
    ];

    [Fact]
    public void Random_and_mutated_payloads_never_crash_the_parser_or_leave_material_behind()
    {
        Random random = new(TestSeed.Choose());
        byte[] buffer = new byte[1200];
        byte[] fields = new byte[KeyFields.LengthBytes];
        int accepted = 0;
        for (int i = 0; i < ParsedInputs; i++)
        {
            KeyApiVersion version = (KeyApiVersion)random.Next(5);
            fields.AsSpan().Fill(0xcc);
            ReadOnlySpan<byte> payload = buffer.AsSpan(0, Generate(random, buffer));
            Errno errno = KeyPayload.Parse(version, (AlgorithmSet)random.Next(8), payload, fields, out KeySpec spec);
            if (errno == Errno.None)
            {
                accepted++;
            }
            else if (errno != Errno.EINVAL || fields.AsSpan().ContainsAnyExcept((byte)0))
            {
                Assert.Fail($"Input {i}: {errno}, {spec.Type}, for \"{Encoding.Latin1.GetString(payload)}\".");
            }
        }

        Assert.InRange(accepted, ParsedInputs / 100, ParsedInputs);
    }

    [Fact]
    public void The_parser_agrees_with_a_naive_one()
    {
        Random random = new(TestSeed.Choose());
        byte[] buffer = new byte[1200];
        byte[] fields = new byte[KeyFields.LengthBytes];
        byte[] expectedFields = new byte[KeyFields.LengthBytes];
        for (int i = 0; i < ComparedInputs; i++)
        {
            KeyApiVersion version = (KeyApiVersion)random.Next(5);
            ReadOnlySpan<byte> payload = buffer.AsSpan(0, Generate(random, buffer));
            Errno errno = KeyPayload.Parse(
                version, AlgorithmSet.AesXts128 | AlgorithmSet.AesXts256, payload, fields, out KeySpec spec);
            string text = Encoding.Latin1.GetString(payload);
            (MemoryKeyType Type, AlgorithmSet Algorithm)? expected = ParseNaively(version, text, expectedFields);
            bool isSame = (errno == Errno.None) == expected.HasValue
                && (expected is null || ((spec.Type, spec.Algorithm) == expected.Value && fields.AsSpan().SequenceEqual(expectedFields)));
            if (!isSame)
            {
                Assert.Fail($"Input {i}, {version}: {errno}, {spec.Type}, for \"{text}\".");
            }
        }
    }

    [Fact]
    public void Adding_and_updating_with_random_payloads_never_leaks_a_slot()
    {
        Random random = new(TestSeed.Choose());
        byte[] buffer = new byte[1200];
        byte[] fields = new byte[KeyFields.LengthBytes];
        KeyBench[] benches = [.. Enum.GetValues<KeyApiVersion>().Select(version => new KeyBench(version, keyIdBits: 4))];
        for (int i = 0; i < AddedInputs; i++)
        {
            KeyBench bench = benches[random.Next(benches.Length)];
            ReadOnlySpan<byte> payload = buffer.AsSpan(0, Generate(random, buffer));
            int seed = random.Next();
            bench.Programmer.Answer = (target, program) => program.Command == KeyCommand.ClearKey || (seed ^ program.KeyId.Value) % 13 != 0
                ? ProgramStatus.Success
                : (ProgramStatus)(1 + (seed % 5));
            _ = bench.Service.Add(
                KeyBench.Root, $"k{random.Next(20)}", payload, KeySerial.SessionKeyring, fields, out KeySerial serial);
            int used = bench.Slots.SlotCount - bench.Slots.AvailableCount;
            int keys = checked((int)(bench.Service.Counters.KeysAdded - bench.Service.Counters.KeysDestroyed));
            if (used > keys || fields.AsSpan().ContainsAnyExcept((byte)0))
            {
                Assert.Fail($"Input {i}: {used} slots for {keys} keys after \"{Encoding.Latin1.GetString(payload)}\".");
            }

            if (used == bench.Slots.SlotCount)
            {
                bench.Service.Clear();
            }
        }

        foreach (KeyBench bench in benches)
        {
            bench.Service.Clear();
            bench.Programmer.Answer = null;
            Assert.Equal(bench.Slots.SlotCount, bench.Slots.AvailableCount);
        }
    }

    private static int Generate(Random random, byte[] buffer)
    {
        if (random.Next(8) == 0)
        {
            int length = random.Next(64);
            random.NextBytes(buffer.AsSpan(0, length));
            return length;
        }

        int used = 0;
        if (random.Next(3) == 0)
        {
            for (int word = random.Next(8); word > 0; word--)
            {
                used += Encoding.Latin1.GetBytes(s_words[random.Next(s_words.Length)], buffer.AsSpan(used));
            }
        }
        else
        {
            used = Encoding.Latin1.GetBytes(s_good[random.Next(s_good.Length)], buffer);
        }

        for (int mutations = random.Next(3); mutations > 0; mutations--)
        {
            used = Mutate(random, buffer, used);
        }

        return used;
    }

    private static int Mutate(Random random, byte[] buffer, int used)
    {
        int at = random.Next(used + 1);
        switch (random.Next(6))
        {
            case 0 when used > 0:
                buffer[Math.Min(at, used - 1)] = (byte)random.Next(256);
                return used;
            case 1 when at < used:
                buffer.AsSpan(at + 1, used - at - 1).CopyTo(buffer.AsSpan(at));
                return used - 1;
            case 2:
                buffer.AsSpan(at, used - at).CopyTo(buffer.AsSpan(at + 1));
                buffer[at] = (byte)" \t=0aA\0,-"[random.Next(9)];
                return used + 1;
            case 3 when used is > 0 and < 500:
                buffer[used] = (byte)' ';
                buffer.AsSpan(0, used).CopyTo(buffer.AsSpan(used + 1));
                return (2 * used) + 1;
            case 4:
                return at;
            default:
                return random.Next(50) == 0 ? Pad(buffer, used) : used;
        }
    }

    private static int Pad(byte[] buffer, int used)
    {
        buffer.AsSpan(used, 1026 - used).Fill((byte)' ');
        return 1026 - (used % 4);
    }

    // Written from the documentation's words, with strings and dictionaries and no care for speed or secrets.
    private static (MemoryKeyType Type, AlgorithmSet Algorithm)? ParseNaively(KeyApiVersion version, string text, byte[] fields)
    {
        Array.Clear(fields);
        if (text.Length is 0 or > 1024)
        {
            return null;
        }

        text = text.EndsWith('\0') ? text[..^1] : text;
        Dictionary<string, string> options = [];
        foreach (string token in text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = token.Split('=', 2);
            if (parts.Length != 2 || !options.TryAdd(parts[0], parts[1]))
            {
                return null;
            }
        }

        string[] known = version switch
        {
            KeyApiVersion.Rfc1 => ["algorithm", "userkey", "tweak", "entropy"],
            KeyApiVersion.V2 => ["type", "algorithm"],
            _ => ["type", "algorithm", "key", "tweak"],
        };
        if (options.Count == 0 || options.Keys.Except(known).Any())
        {
            return null;
        }

        return version == KeyApiVersion.Rfc1 ? CombineFirst(options, fields) : Combine(version, options, fields);
    }

    private static (MemoryKeyType Type, AlgorithmSet Algorithm)? CombineFirst(Dictionary<string, string> options, byte[] fields)
    {
        bool isUser = options.ContainsKey("userkey") && options.ContainsKey("tweak") && !options.ContainsKey("entropy");
        bool isCpu = options.ContainsKey("entropy") && !options.ContainsKey("userkey") && !options.ContainsKey("tweak");
        if ((!isUser && !isCpu) || options.GetValueOrDefault("algorithm", "aes-xts-128") is not ("aes-xts-128" or "aes_xts_128"))
        {
            return null;
        }

        return Fill(options[isUser ? "userkey" : "entropy"], 8, fields.AsSpan(0, 64))
            && Fill(options[isUser ? "tweak" : "entropy"], 8, fields.AsSpan(64, 64))
            ? (isUser ? MemoryKeyType.User : MemoryKeyType.Cpu, AlgorithmSet.AesXts128)
            : null;
    }

    private static (MemoryKeyType Type, AlgorithmSet Algorithm)? Combine(
        KeyApiVersion version, Dictionary<string, string> options, byte[] fields)
    {
        string[] types = version switch
        {
            KeyApiVersion.V2 => ["cpu", "no-encrypt"],
            KeyApiVersion.Rfc62 => ["user", "cpu", "no-encrypt"],
            _ => ["user", "cpu", "clear", "no-encrypt"],
        };
        string type = options.GetValueOrDefault("type", "");
        if (!types.Contains(type))
        {
            return null;
        }

        if (type is "clear" or "no-encrypt")
        {
            return options.Count == 1
                ? (type == "clear" ? MemoryKeyType.Clear : MemoryKeyType.NoEncrypt, AlgorithmSet.AesXts128)
                : null;
        }

        string algorithm = options.GetValueOrDefault("algorithm", "");
        int bytes = algorithm switch
        {
            "aes-xts-128" => 16,
            "aes-xts-256" when version == KeyApiVersion.Union => 32,
            _ => 0,
        };
        bool isGood = bytes != 0
            && (options.TryGetValue("key", out string? key) ? Fill(key, bytes, fields.AsSpan(0, 64)) : type == "cpu")
            && (options.TryGetValue("tweak", out string? tweak) ? Fill(tweak, bytes, fields.AsSpan(64, 64)) : type == "cpu");
        return isGood
            ? (type == "user" ? MemoryKeyType.User : MemoryKeyType.Cpu, bytes == 16 ? AlgorithmSet.AesXts128 : AlgorithmSet.AesXts256)
            : null;
    }

    private static bool Fill(string hex, int bytes, Span<byte> field)
    {
        if (hex.Length != 2 * bytes || !hex.All(char.IsAsciiHexDigit))
        {
            return false;
        }

        Convert.FromHexString(hex).CopyTo(field);
        return true;
    }
}
