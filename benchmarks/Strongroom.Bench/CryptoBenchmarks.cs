using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Crypto.Backends;
using Strongroom.Tests.Contract;

namespace Strongroom.Bench;

/// <summary>The speed of AES-XTS, against OpenSSL's EVP and memcpy in the same run.</summary>
/// <remarks>
/// Every comparison is paired: short slices of the one and the other alternate, and the figure is the median over the
/// pairs, so that a busy neighbour slows both. Data stays in cache: 64 pages are read and 64 others written,
/// page-aligned, one tweak a unit. EVP gets one EVP_CipherInit_ex (the tweak) and one EVP_CipherUpdate a unit, each a
/// P/Invoke; ours is one call a batch.
/// </remarks>
internal static unsafe partial class CryptoBenchmarks
{
    private const int PageBytes = 4096;
    private const int Pages = 64;
    private const int AreaBytes = Pages * PageBytes;
    private const int SmallestUnit = 512;
    private const int LargestUnit = 65536;

    private static readonly byte* s_source = (byte*)NativeMemory.AlignedAlloc(AreaBytes, PageBytes);
    private static readonly byte* s_destination = (byte*)NativeMemory.AlignedAlloc(AreaBytes, PageBytes);
    private static readonly byte[] s_material = [.. Enumerable.Range(1, 64).Select(i => (byte)(i * 3))];

    /// <summary>Gets the benchmarks of the engine.</summary>
    internal static IEnumerable<IBenchmark> All() =>
    [
        new Named("crypto", "AES-XTS against OpenSSL's EVP: what is promised", Promises),
        new Named("crypto.table", "AES-XTS: backend, key size, direction and unit size, against EVP", Table),
    ];

    private static ReadOnlySpan<byte> Source => new(s_source, AreaBytes);

    private static Span<byte> Destination => new(s_destination, AreaBytes);

    /// <summary>Measures what is promised.</summary>
    private static IEnumerable<BenchmarkRow> Promises()
    {
        Prepare();
        foreach (XtsBackend backend in Backends())
        {
            foreach (MemoryAlgorithm algorithm in Enum.GetValues<MemoryAlgorithm>())
            {
                double target = backend.Name switch { "vaes512" => 2.8, "aesni" => 0.95, _ => 0 };
                foreach (bool encrypt in new[] { true, false })
                {
                    yield return AgainstEvp(backend, algorithm, encrypt, PageBytes, target);
                }

                yield return SingleCalls(backend, algorithm);
            }
        }

        foreach (MemoryAlgorithm algorithm in Enum.GetValues<MemoryAlgorithm>())
        {
            yield return ScatteredAgainstRun(algorithm);
            yield return KeySwitch(algorithm);
            yield return TwoThreads(algorithm);
        }

        foreach (BenchmarkRow row in AgainstIsaL())
        {
            yield return row;
        }
    }

    /// <summary>Measures the table: backend, key size, direction, unit size.</summary>
    private static IEnumerable<BenchmarkRow> Table()
    {
        Prepare();
        for (int unitBytes = SmallestUnit; unitBytes <= LargestUnit; unitBytes *= 2)
        {
            yield return Memcpy(unitBytes);
        }

        _ = AgainstEvp(XtsBackends.Chosen, MemoryAlgorithm.AesXts128, true, PageBytes, 0);
        _ = AgainstEvp(XtsBackends.Chosen, MemoryAlgorithm.AesXts128, false, PageBytes, 0);
        Paired.WarmUpMilliseconds = 20; // every row runs the same code from here on
        foreach (XtsBackend backend in Backends())
        {
            foreach (MemoryAlgorithm algorithm in Enum.GetValues<MemoryAlgorithm>())
            {
                foreach (bool encrypt in new[] { true, false })
                {
                    for (int unitBytes = SmallestUnit; unitBytes <= LargestUnit; unitBytes *= 2)
                    {
                        yield return AgainstEvp(backend, algorithm, encrypt, unitBytes, 0);
                    }
                }
            }
        }
    }

    private static void Prepare()
    {
        Random random = new(1);
        random.NextBytes(new Span<byte>(s_source, AreaBytes));
        Destination.Clear();
    }

    private static IEnumerable<XtsBackend> Backends() =>
        XtsBackends.Names.Select(n => XtsBackends.TryMakeTested(n, out _)).OfType<XtsBackend>();

    private static ReadOnlySpan<byte> Material(MemoryAlgorithm algorithm) =>
        s_material.AsSpan(0, XtsKey.MaterialBytes(algorithm));

    private static BenchmarkRow AgainstEvp(
        XtsBackend backend, MemoryAlgorithm algorithm, bool encrypt, int unitBytes, double target)
    {
        using XtsKey key = XtsKey.Import(algorithm, Material(algorithm), backend);
        using OpenSslXts evp = new(algorithm, Material(algorithm));
        ulong number = 0;
        PairedResult result = Paired.Measure(
            () => Run(key, encrypt, unitBytes, number += 1000),
            () => RunEvp(evp, encrypt, unitBytes, number += 1000));
        string name = $"{backend.Name} {algorithm} {(encrypt ? "encrypt" : "decrypt")} {unitBytes} B";
        double ratio = result.BaselineOverSubject;
        return new BenchmarkRow(
            name,
            AreaBytes / result.SubjectNanoseconds,
            "GB/s",
            AreaBytes / result.BaselineNanoseconds,
            ratio,
            target > 0 ? $">= {target} x EVP" : null,
            target > 0 ? ratio >= target : null);
    }

    private static BenchmarkRow SingleCalls(XtsBackend backend, MemoryAlgorithm algorithm)
    {
        using XtsKey key = XtsKey.Import(algorithm, Material(algorithm), backend);
        using OpenSslXts evp = new(algorithm, Material(algorithm));
        ulong number = 0;
        PairedResult result = Paired.Measure(
            () => RunSingle(key, true, number += 1000), () => RunEvp(evp, true, PageBytes, number += 1000));
        return new BenchmarkRow(
            $"{backend.Name} {algorithm} encrypt, one page a call",
            AreaBytes / result.SubjectNanoseconds,
            "GB/s",
            AreaBytes / result.BaselineNanoseconds,
            result.BaselineOverSubject,
            null,
            null);
    }

    private static BenchmarkRow ScatteredAgainstRun(MemoryAlgorithm algorithm)
    {
        using XtsKey key = XtsKey.Import(algorithm, Material(algorithm));
        Random random = new(7);
        int[] places = [.. Enumerable.Range(0, Pages)];
        random.Shuffle(places);
        XtsUnit[] units =
            [.. places.Select((p, i) => new XtsUnit(p * PageBytes, i * PageBytes, new UInt128(0, (ulong)random.NextInt64())))];
        ulong number = 0;
        PairedResult result = Paired.Measure(
            () => key.EncryptBatch(units, PageBytes, Source, Destination), () => Run(key, true, PageBytes, number += 64));
        double ratio = 1 / result.BaselineOverSubject;
        return new BenchmarkRow(
            $"{XtsEngine.BackendName} {algorithm} scattered batch of 64 pages, per page",
            result.SubjectNanoseconds / Pages,
            "ns",
            result.BaselineNanoseconds / Pages,
            ratio,
            "<= 1.05 x a run",
            ratio <= 1.05);
    }

    private static BenchmarkRow KeySwitch(MemoryAlgorithm algorithm)
    {
        using XtsKey one = XtsKey.Import(algorithm, Material(algorithm));
        XtsKey[] keys = [.. Enumerable.Range(0, 16).Select(_ => XtsKey.Generate(algorithm))];
        ulong number = 0;
        PairedResult result = Paired.Measure(
            () => EncryptSixteen(i => keys[i], number += 16), () => EncryptSixteen(_ => one, number += 16));
        double nanoseconds = result.Difference / Pages;
        Array.ForEach(keys, k => k.Dispose());
        return new BenchmarkRow(
            $"{XtsEngine.BackendName} {algorithm} key switch between pages (16 keys in turn)",
            nanoseconds,
            "ns",
            result.BaselineNanoseconds / Pages,
            null,
            "< 10 ns",
            nanoseconds < 10);
    }

    private static void EncryptSixteen(Func<int, XtsKey> keyOf, ulong number)
    {
        for (int i = 0; i < Pages; i++)
        {
            keyOf(i % 16).Encrypt(
                Source.Slice(i * PageBytes, PageBytes), Destination.Slice(i * PageBytes, PageBytes), number + (ulong)i);
        }
    }

    private static BenchmarkRow TwoThreads(MemoryAlgorithm algorithm)
    {
        using XtsKey key = XtsKey.Import(algorithm, Material(algorithm));
        (double one, double two, double ratio) = ThreadScaling.Measure(AreaBytes, (from, to, number) =>
            key.EncryptRun(new ReadOnlySpan<byte>((byte*)from, AreaBytes), new Span<byte>((byte*)to, AreaBytes), PageBytes, number));
        return new BenchmarkRow(
            $"{XtsEngine.BackendName} {algorithm} two threads, one key",
            AreaBytes * 1.0 / two,
            "GB/s",
            AreaBytes * 1.0 / one,
            ratio,
            ">= 1.9 x one",
            ratio >= 1.9);
    }

    private static BenchmarkRow Memcpy(int unitBytes)
    {
        PairedResult result = Paired.Measure(() => Copy(unitBytes), () => Copy(AreaBytes));
        double whole = AreaBytes / result.BaselineNanoseconds;
        return new BenchmarkRow(
            $"memcpy {unitBytes} B, against one of 64 pages", AreaBytes / result.SubjectNanoseconds, "GB/s", whole, result.BaselineOverSubject);
    }

    private static void Copy(int unitBytes)
    {
        for (int at = 0; at < AreaBytes; at += unitBytes)
        {
            Source.Slice(at, unitBytes).CopyTo(Destination[at..]);
        }
    }

    private static void Run(XtsKey key, bool encrypt, int unitBytes, ulong number)
    {
        if (encrypt)
        {
            key.EncryptRun(Source, Destination, unitBytes, number);
        }
        else
        {
            key.DecryptRun(Source, Destination, unitBytes, number);
        }
    }

    private static void RunSingle(XtsKey key, bool encrypt, ulong number)
    {
        for (int at = 0; at < AreaBytes; at += PageBytes)
        {
            ReadOnlySpan<byte> from = Source.Slice(at, PageBytes);
            Span<byte> to = Destination.Slice(at, PageBytes);
            if (encrypt)
            {
                key.Encrypt(from, to, number++);
            }
            else
            {
                key.Decrypt(from, to, number++);
            }
        }
    }

    private static void RunEvp(OpenSslXts evp, bool encrypt, int unitBytes, ulong number)
    {
        for (int at = 0; at < AreaBytes; at += unitBytes)
        {
            evp.Process(encrypt, Source.Slice(at, unitBytes), Destination.Slice(at, unitBytes), number++);
        }
    }

    private sealed class Named(string name, string summary, Func<IEnumerable<BenchmarkRow>> run) : IBenchmark
    {
        public string Name => name;

        public string Summary => summary;

        public IEnumerable<BenchmarkRow> Run() => run();
    }
}
