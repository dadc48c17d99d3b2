using System;
using System.Globalization;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Crypto.Backends;
using Xunit;

namespace Strongroom.Tests.Contract;

/// <summary>
/// Every backend against OpenSSL and the reference, on random keys, numbers, lengths, alignments and layouts.
/// </summary>
/// <remarks>
/// STRONGROOM_SEED repeats a run; STRONGROOM_XTS_CASES sets the number of cases for each backend and key size.
/// </remarks>
public class XtsBackendTests
{
    private static readonly int s_seed = FromEnvironment("STRONGROOM_SEED", Environment.TickCount);
    private static readonly int s_cases = FromEnvironment("STRONGROOM_XTS_CASES", 700);

    public static MatrixTheoryData<string, MemoryAlgorithm> All =>
        new(XtsBackendRegistry.Names, Enum.GetValues<MemoryAlgorithm>());

    [Fact]
    public void Backends_of_other_architectures_are_tested_there() => Assert.Skip(
        $"Not for this processor: {string.Join(", ", System.Linq.Enumerable.Except(XtsBackends.Names, XtsBackendRegistry.Names))}.");

    [Theory]
    [MemberData(nameof(All))]
    public void Single_units_equal_those_of_openssl(string name, MemoryAlgorithm algorithm)
    {
        XtsBackend backend = XtsBackendRegistry.GetOrSkip(name);
        Random random = Start(name, algorithm);
        byte[] source = new byte[20000];
        byte[] destination = new byte[20000];
        for (int i = 0; i < s_cases; i++)
        {
            byte[] raw = NextKey(random, algorithm);
            using XtsKey key = XtsKey.Import(algorithm, raw, backend);
            using OpenSslXts other = new(algorithm, raw);
            int length = 16 * (random.Next(4) == 0 ? random.Next(1, 1100) : random.Next(1, 70));
            random.NextBytes(source);
            random.NextBytes(destination);
            Span<byte> from = source.AsSpan(random.Next(128), length);
            int offset = random.Next(1, 129);
            Span<byte> to = random.Next(3) == 0 ? from : destination.AsSpan(offset, length);
            bool inPlace = from == to;
            bool encrypt = random.Next(2) == 0;
            UInt128 number = NextNumber(random);
            byte[] expected = new byte[length];
            other.Process(encrypt, from, expected, number);
            (byte before, byte after) = (destination[offset - 1], destination[offset + length]);

            Process(key, encrypt, from, to, number);

            string where = $"case {i}: {length} bytes, encrypt {encrypt}, in place {inPlace}";
            Assert.True(to.SequenceEqual(expected), where + ": not what OpenSSL gives.");
            Assert.True(
                before == destination[offset - 1] && after == destination[offset + length], where + ": wrote outside.");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Units_equal_the_reference_written_from_the_standard(string name, MemoryAlgorithm algorithm)
    {
        XtsBackend backend = XtsBackendRegistry.GetOrSkip(name);
        Random random = Start(name, algorithm);
        for (int i = 0; i < s_cases / 10; i++)
        {
            byte[] raw = NextKey(random, algorithm);
            using XtsKey key = XtsKey.Import(algorithm, raw, backend);
            byte[] data = new byte[16 * random.Next(1, 80)];
            random.NextBytes(data);
            UInt128 number = NextNumber(random);
            bool encrypt = i % 2 == 0;
            byte[] expected = ReferenceXts.Process(encrypt, raw, data, number);
            Process(key, encrypt, data, data, number);
            Assert.True(expected.AsSpan().SequenceEqual(data), $"case {i}: {data.Length} bytes, encrypt {encrypt}.");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Runs_and_scattered_batches_equal_single_units_of_openssl(string name, MemoryAlgorithm algorithm)
    {
        XtsBackend backend = XtsBackendRegistry.GetOrSkip(name);
        Random random = Start(name, algorithm);
        for (int i = 0; i < Math.Max(1, s_cases / 20); i++)
        {
            byte[] raw = NextKey(random, algorithm);
            using XtsKey key = XtsKey.Import(algorithm, raw, backend);
            using OpenSslXts other = new(algorithm, raw);
            bool encrypt = random.Next(2) == 0;
            int unitBytes = random.Next(2) == 0 ? 512 : 16 * random.Next(1, 100);
            int count = random.Next(1, 150);
            byte[] source = new byte[unitBytes * count];
            random.NextBytes(source);

            UInt128 first = random.Next(4) == 0 ? UInt128.MaxValue - (UInt128)random.Next(3) : NextNumber(random);
            byte[] run = new byte[source.Length];
            if (encrypt)
            {
                key.EncryptRun(source, run, unitBytes, first);
            }
            else
            {
                key.DecryptRun(source, run, unitBytes, first);
            }

            for (int u = 0; u < count; u++)
            {
                AssertUnit(other, encrypt, source, u * unitBytes, run, u * unitBytes, unitBytes, unchecked(first + (UInt128)u));
            }

            CheckScattered(random, key, other, encrypt, source, unitBytes, count);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_longest_unit_equals_that_of_openssl(string name, MemoryAlgorithm algorithm)
    {
        XtsBackend backend = XtsBackendRegistry.GetOrSkip(name);
        Random random = Start(name, algorithm);
        byte[] raw = NextKey(random, algorithm);
        using XtsKey key = XtsKey.Import(algorithm, raw, backend);
        using OpenSslXts other = new(algorithm, raw);
        int length = name == "portable" ? 1 << 20 : 16 << 20;
        byte[] data = new byte[length];
        random.NextBytes(data.AsSpan(0, 4096));
        byte[] expected = new byte[length];
        other.Process(true, data, expected, 77);
        key.Encrypt(data, data, 77);
        Assert.True(expected.AsSpan().SequenceEqual(data));
    }

    private static void CheckScattered(
        Random random, XtsKey key, OpenSslXts other, bool encrypt, byte[] source, int unitBytes, int count)
    {
        int slots = count + 5;
        int[] places = [.. System.Linq.Enumerable.Range(0, slots)];
        random.Shuffle(places);
        XtsUnit[] units = new XtsUnit[count];
        for (int u = 0; u < count; u++)
        {
            units[u] = new XtsUnit(random.Next(count) * unitBytes, places[u] * unitBytes, NextNumber(random));
        }

        byte[] scattered = new byte[slots * unitBytes];
        if (encrypt)
        {
            key.EncryptBatch(units, unitBytes, source, scattered);
        }
        else
        {
            key.DecryptBatch(units, unitBytes, source, scattered);
        }

        foreach (XtsUnit unit in units)
        {
            AssertUnit(
                other, encrypt, source, (int)unit.SourceOffset, scattered, (int)unit.DestinationOffset, unitBytes, unit.Number);
        }

        for (int u = count; u < slots; u++)
        {
            Assert.False(
                scattered.AsSpan(places[u] * unitBytes, unitBytes).ContainsAnyExcept((byte)0), "A place was written to that no unit names.");
        }
    }

    private static void AssertUnit(
        OpenSslXts other, bool encrypt, byte[] source, int from, byte[] result, int at, int unitBytes, UInt128 number)
    {
        byte[] expected = new byte[unitBytes];
        other.Process(encrypt, source.AsSpan(from, unitBytes), expected, number);
        Assert.True(
            expected.AsSpan().SequenceEqual(result.AsSpan(at, unitBytes)), $"The unit of {unitBytes} bytes at {at} is wrong.");
    }

    private static void Process(XtsKey key, bool encrypt, ReadOnlySpan<byte> from, Span<byte> to, UInt128 number)
    {
        if (encrypt)
        {
            key.Encrypt(from, to, number);
        }
        else
        {
            key.Decrypt(from, to, number);
        }
    }

    private static Random Start(string name, MemoryAlgorithm algorithm)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{name} {algorithm}: STRONGROOM_SEED={s_seed}");
        return new Random(s_seed);
    }

    private static byte[] NextKey(Random random, MemoryAlgorithm algorithm)
    {
        byte[] raw = new byte[XtsKey.MaterialBytes(algorithm)];
        random.NextBytes(raw);
        return raw;
    }

    private static UInt128 NextNumber(Random random) => random.Next(3) switch
    {
        0 => (UInt128)random.Next(1000),
        1 => new UInt128(0, (ulong)random.NextInt64()),
        _ => new UInt128((ulong)random.NextInt64() << 1, (ulong)random.NextInt64() << 1),
    };

    private static int FromEnvironment(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
