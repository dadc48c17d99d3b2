using System;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace Strongroom.Bench;

/// <summary>Compares one thread with two that do the same work on memory of their own.</summary>
internal static unsafe class ThreadScaling
{
    private const int Rounds = 400;
    private const double SliceMilliseconds = 2; // short, so that some slices have both processors to themselves

    /// <summary>Measures.</summary>
    /// <param name="areaBytes">Size of the two areas that each thread gets.</param>
    /// <param name="work">The work: source, destination, number.</param>
    /// <returns>
    /// Nanoseconds a call with one thread and with two (of both together), and the best ratio of throughputs.
    /// </returns>
    internal static (double One, double Two, double Ratio) Measure(int areaBytes, Action<nint, nint, ulong> work)
    {
        double[] one = new double[Rounds];
        double[] two = new double[Rounds];
        _ = CallsPerNanosecond(2, areaBytes, work);
        for (int i = 0; i < Rounds; i++)
        {
            one[i] = CallsPerNanosecond(1, areaBytes, work);
            two[i] = CallsPerNanosecond(2, areaBytes, work);
        }

        // Any other load on a machine of two cores takes from the second thread, so the median would measure the
        // neighbours.
        return (1 / one.Max(), 1 / two.Max(), two.Max() / one.Max());
    }

    private static double CallsPerNanosecond(int threads, int areaBytes, Action<nint, nint, ulong> work)
    {
        ulong[] calls = new ulong[threads];
        long[] begins = new long[threads];
        long[] ends = new long[threads];
        using Barrier start = new(threads);
        Thread[] all = [.. Enumerable.Range(0, threads).Select(index => new Thread(() =>
        {
            nint from = (nint)NativeMemory.AlignedAlloc((nuint)areaBytes, 4096);
            nint to = (nint)NativeMemory.AlignedAlloc((nuint)areaBytes, 4096);
            new Span<byte>((void*)from, areaBytes).Clear();
            new Span<byte>((void*)to, areaBytes).Clear();
            start.SignalAndWait();
            begins[index] = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begins[index]).TotalMilliseconds < SliceMilliseconds)
            {
                work(from, to, calls[index]++);
            }

            ends[index] = Stopwatch.GetTimestamp();
            NativeMemory.AlignedFree((void*)from);
            NativeMemory.AlignedFree((void*)to);
        }))];
        Array.ForEach(all, t => t.Start());
        Array.ForEach(all, t => t.Join());

        // From the first start to the last end: work done one after the other must not count as done at once.
        return calls.Sum(c => (double)c) / Stopwatch.GetElapsedTime(begins.Min(), ends.Max()).TotalNanoseconds;
    }
}
