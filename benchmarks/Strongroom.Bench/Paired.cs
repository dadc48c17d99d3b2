using System;
using System.Diagnostics;
using System.Linq;

namespace Strongroom.Bench;

/// <summary>The result of a paired measurement; medians.</summary>
/// <param name="SubjectNanoseconds">Time of one call of the subject.</param>
/// <param name="BaselineNanoseconds">Time of one call of the baseline.</param>
/// <param name="BaselineOverSubject">Median of the ratios within pairs: above 1 where the subject is faster.</param>
/// <param name="Difference">Median of the differences within pairs, subject less baseline, in nanoseconds a
/// call.</param>
internal readonly record struct PairedResult(
    double SubjectNanoseconds, double BaselineNanoseconds, double BaselineOverSubject, double Difference);

/// <summary>Compares two actions by slices that alternate, so that noise from outside falls on both.</summary>
internal static class Paired
{
    private const double SliceNanoseconds = 150_000; // much shorter than a scheduler's time slice
    private const double BudgetNanoseconds = 120_000_000;

    /// <summary>
    /// Gets or sets how long each side runs before it is measured: long where code runs for the first time.
    /// </summary>
    internal static double WarmUpMilliseconds { get; set; } = 400;

    /// <summary>Measures.</summary>
    /// <param name="subject">What is measured.</param>
    /// <param name="baseline">What it is compared with.</param>
    internal static PairedResult Measure(Action subject, Action baseline)
    {
        WarmUp(subject);
        WarmUp(baseline);
        int subjectCalls = Calls(subject);
        int baselineCalls = Calls(baseline);
        double pairNanoseconds =
            Time(subject, subjectCalls) * subjectCalls + (Time(baseline, baselineCalls) * baselineCalls);
        int pairs = Math.Clamp((int)(BudgetNanoseconds / pairNanoseconds), 15, 400);
        double[] subjects = new double[pairs];
        double[] baselines = new double[pairs];
        for (int i = 0; i < pairs; i++)
        {
            subjects[i] = Time(subject, subjectCalls);
            baselines[i] = Time(baseline, baselineCalls);
        }

        return new PairedResult(
            Median(subjects),
            Median(baselines),
            Median([.. subjects.Zip(baselines, (s, b) => b / s)]),
            Median([.. subjects.Zip(baselines, (s, b) => s - b)]));
    }

    /// <summary>Gets the median.</summary>
    internal static double Median(double[] values)
    {
        double[] sorted = [.. values];
        Array.Sort(sorted);
        return sorted[sorted.Length / 2];
    }

    // Until the runtime has compiled everything at its last tier, which it does in the background after 100 ms without
    // new code.
    private static void WarmUp(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < WarmUpMilliseconds)
        {
            action();
        }
    }

    private static int Calls(Action action) => Math.Max(1, (int)(SliceNanoseconds / Math.Max(1, Time(action, 3))));

    private static double Time(Action action, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
    }
}
