using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime;
using System.Security.Cryptography;
using System.Text;
using System.Threading;

namespace Strongroom.Workload;

/// <summary>A .NET program that checks its own heap: kept objects, garbage, several threads, and idle times.</summary>
internal static class Program
{
    private const int Threads = 4;

    private static int Main(string[] arguments)
    {
        int scale = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 1;
        List<string>[] kept = new List<string>[Threads];
        RunOnThreads(self => kept[self] = Fill(self, 40_000 * scale));
        string before = Digest(kept);
        for (int round = 0; round < 2; round++)
        {
            Thread.Sleep(500);
            RunOnThreads(self => Churn(self, 20_000 * scale));
            if (round == 1)
            {
                GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
                GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }
        }

        string after = Digest(kept);
        Console.WriteLine($"server collector: {GCSettings.IsServerGC}");
        Console.WriteLine(before);
        return before == after ? 0 : 1;
    }

    private static void RunOnThreads(Action<int> body)
    {
        Thread[] threads = new Thread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            int self = i;
            threads[i] = new Thread(() => body(self));
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }
    }

    private static List<string> Fill(int self, int count)
    {
        List<string> strings = [];
        for (int i = 0; i < count; i++)
        {
            strings.Add(string.Create(CultureInfo.InvariantCulture, $"thread {self} keeps {(long)i * 7919}"));
        }

        return strings;
    }

    private static void Churn(int self, int count)
    {
        byte[][] recent = new byte[100][];
        for (int i = 0; i < count; i++)
        {
            byte[] block = new byte[100 + (i % 5_000) + (i % 1_000 == 0 ? 100_000 : 0)];
            Array.Fill(block, (byte)((i + self) & 0xff));
            recent[i % 100] = block;
            if (recent[i * 31 % 100] is { } older && older[0] != older[^1])
            {
                throw new InvalidOperationException("A block of garbage changed while it was held.");
            }
        }
    }

    private static string Digest(List<string>[] kept)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (List<string> strings in kept)
        {
            foreach (string text in strings)
            {
                hash.AppendData(Encoding.UTF8.GetBytes(text));
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
