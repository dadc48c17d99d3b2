using System;
using System.Collections.Generic;
using System.Diagnostics;
using Strongroom.Core;
using Strongroom.Crypto.Backends;
using Strongroom.Secrets;

namespace Strongroom.Crypto;

/// <summary>What `strongroom check` says about the engine.</summary>
public static class XtsEngine
{
    private const int PageBytes = 4096;
    private const int BatchPages = 16; // 64 KiB: little of a small RLIMIT_MEMLOCK

    /// <summary>Gets the name of the backend in use. The first call chooses it and runs its self-test.</summary>
    /// <exception cref="PlatformNotSupportedException">No backend works here, or not the one that the environment
    /// names.</exception>
    /// <exception cref="Strongroom.Kernel.KernelException">No secret memory for the self-test (RLIMIT_MEMLOCK).</exception>
    public static string BackendName => XtsBackends.Chosen.Name;

    /// <summary>Gets every backend, fastest first, and why it is or is not in use.</summary>
    /// <exception cref="PlatformNotSupportedException">No backend works here, or not the one that the environment
    /// names.</exception>
    /// <exception cref="Strongroom.Kernel.KernelException">No secret memory for the self-test (RLIMIT_MEMLOCK).</exception>
    public static IReadOnlyList<XtsCandidate> Candidates => XtsBackends.Candidates;

    /// <summary>
    /// Measures the engine: the fastest of some batches of 4 KiB pages, each with a tweak of its own, in cache, on one
    /// core.
    /// </summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="duration">How long to measure; some milliseconds are enough.</param>
    /// <returns>Encrypted bytes per second.</returns>
    /// <exception cref="PlatformNotSupportedException">As for <see cref="BackendName"/>.</exception>
    /// <exception cref="Strongroom.Kernel.KernelException">No secret memory (RLIMIT_MEMLOCK).</exception>
    /// <remarks>Blocks: for the duration. Allocates: secret memory for a batch.</remarks>
    public static double MeasureBytesPerSecond(MemoryAlgorithm algorithm, TimeSpan duration)
    {
        using XtsKey key = XtsKey.Generate(algorithm);
        using SecretBuffer pages = SecretBuffer.Allocate(BatchPages * PageBytes);
        long best = long.MaxValue;
        long start = Stopwatch.GetTimestamp();
        ulong number = 0;
        do
        {
            long before = Stopwatch.GetTimestamp();
            key.EncryptRun(pages.Span, pages.Span, PageBytes, number);
            best = Math.Min(best, Stopwatch.GetTimestamp() - before);
            number += BatchPages;
        }
        while (Stopwatch.GetElapsedTime(start) < duration);
        return BatchPages * PageBytes * (double)Stopwatch.Frequency / Math.Max(1, best);
    }
}
