using System;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Crypto;

namespace Strongroom.Bench;

/// <content>The engine against ISA-L, which has no batches: one call a page; where the system has it.</content>
internal static unsafe partial class CryptoBenchmarks
{
    private static IEnumerable<BenchmarkRow> AgainstIsaL()
    {
        if (!IsaLXts.IsInstalled)
        {
            yield break;
        }

        foreach (MemoryAlgorithm algorithm in Enum.GetValues<MemoryAlgorithm>())
        {
            foreach (bool encrypt in new[] { true, false })
            {
                yield return AgainstIsaL(algorithm, encrypt, single: false);
                yield return AgainstIsaL(algorithm, encrypt, single: true);
            }
        }
    }

    private static BenchmarkRow AgainstIsaL(MemoryAlgorithm algorithm, bool encrypt, bool single)
    {
        using XtsKey key = XtsKey.Import(algorithm, Material(algorithm));
        using IsaLXts other = new(algorithm, Material(algorithm));
        CheckEqual(key, other, encrypt);
        ulong number = 0;
        Action ours = single
            ? () => RunSingle(key, encrypt, number += 1000)
            : () => Run(key, encrypt, PageBytes, number += 1000);
        PairedResult result = Paired.Measure(ours, () => RunIsaL(other, encrypt, number += 1000));
        return new BenchmarkRow(
            $"{XtsEngine.BackendName} {algorithm} {(encrypt ? "encrypt" : "decrypt")}{(single ? ", one page a call" : "")}, against ISA-L",
            AreaBytes / result.SubjectNanoseconds,
            "GB/s",
            AreaBytes / result.BaselineNanoseconds,
            result.BaselineOverSubject,
            null,
            null);
    }

    // A comparison with something else than the same cipher would say nothing.
    private static void CheckEqual(XtsKey key, IsaLXts other, bool encrypt)
    {
        Run(key, encrypt, PageBytes, 5);
        byte[] expected = Destination.ToArray();
        RunIsaL(other, encrypt, 5);
        if (!Destination.SequenceEqual(expected))
        {
            throw new InvalidOperationException("ISA-L and the engine disagree.");
        }
    }

    private static void RunIsaL(IsaLXts other, bool encrypt, ulong number)
    {
        for (int at = 0; at < AreaBytes; at += PageBytes)
        {
            other.Process(encrypt, Source.Slice(at, PageBytes), Destination.Slice(at, PageBytes), number++);
        }
    }
}
