using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading;
using Strongroom.Kernel;
using Strongroom.Pager.Calls;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <summary>Runs a program and all its descendants with their memory sealed.</summary>
public static class TreeRunner
{
    /// <summary>Runs a program until the last process of its tree has ended.</summary>
    /// <param name="options">What to run and how.</param>
    /// <returns>The report, with the program's exit status.</returns>
    /// <exception cref="ProgramStartException">The program could not be executed: ENOENT, EACCES, ENOEXEC …</exception>
    /// <exception cref="KernelException">The kernel refused something that the pager needs.</exception>
    /// <remarks>Blocks. Once a process; it changes how the process takes signals and makes it undumpable.</remarks>
    public static RunReport Run(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        long startedAt = Stopwatch.GetTimestamp();
        TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
        OwnProcess.Harden();

        TimeSpan tick = TimeSpan.FromMilliseconds(Math.Clamp(options.Idle.TotalMilliseconds / 4, 10, 250));
        using PagerContext context = new(options, tick);
        using EventDescriptor wake = new();
        ConcurrentQueue<TracerNews> news = new();
        using Tracer tracer = new(Tell);
        using CallService? calls = options.Calls is null ? null : new(context, options.Calls, tracer, Tell);
        context.Slots = calls?.Keys.Slots;
        using PagerLoop loop = new(context, tracer, news, wake);
        Trace(tracer, options, loop, calls);
        if (calls?.Refusal is { } refusal)
        {
            _ = context.Statistics.Remarks.Add(refusal);
        }

        bool hasFilter = calls is { Refusal: null };
        if (!hasFilter)
        {
            _ = context.Statistics.Remarks.Add("Guard regions (MADV_GUARD_INSTALL, Linux 6.13) cannot be seen without the filter: "
                + "what was sealed in one comes back when it is removed, where zeros should be.");
        }

        if (!context.MayWipeStaging)
        {
            _ = context.Statistics.Remarks.Add(hasFilter
                ? "A program lends pages to the kernel (vmsplice, MSG_ZEROCOPY, io_uring, O_DIRECT): staging was freed, not overwritten."
                : "Whether programs lend pages to the kernel cannot be seen without the filter: staging was freed, not overwritten.");
        }

        return tracer.ExecErrno != 0
            ? throw new ProgramStartException(tracer.ExecErrno)
            : Report(options, context, loop, calls, tracer, startedAt, cpuBefore);

        void Tell(TracerNews item)
        {
            news.Enqueue(item);
            if (item.IsUrgent)
            {
                wake.Signal();
            }
        }
    }

    private static void Trace(Tracer tracer, RunOptions options, PagerLoop loop, CallService? calls)
    {
        using ChildLauncher launcher = new(
            options.Program, options.Arguments, options.Environment, calls?.MakeFilter());
        using SignalRelay relay = new(tracer);
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                tracer.Run(launcher, calls is null ? null : calls.Start, pid => OwnProcess.LimitOpenFiles(pid, options.OpenFilesSoftLimit));
            }
            catch (KernelException e) when (tracer.RootPid == 0 || tracer.ProcessCount == 0)
            {
                failure = e; // before the program ran: a plain refusal
                tracer.Abandon();
            }
            catch (Exception e) when (EndAll(e))
            {
                throw; // never reached
            }
        })
        {
            Name = "tracer",
        };
        thread.Start();
        try
        {
            loop.Run();
        }
        catch (Exception e) when (EndAll(e))
        {
            throw; // never reached
        }

        thread.Join();
        if (failure is not null)
        {
            throw failure;
        }
    }

    // A filter runs before anything is unwound. What unwinding would dispose of must not be while a target lives: without agents and
    // their descriptors, its sealed pages would read as zeros. So the process ends as if it were killed.
    private static bool EndAll(Exception e)
    {
        if (e is not (KernelException or OutOfMemoryException))
        {
            Environment.FailFast("strongroom: the pager failed, and the program was killed", e);
        }

        _ = StandardStream.WriteError(Encoding.UTF8.GetBytes($"strongroom: the pager cannot go on, and the program was killed: {e.Message}.\n"));
        OwnProcess.Send(Environment.ProcessId, 9);
        return false; // never reached: SIGKILL ends every thread before it is back from the kernel
    }

    private static RunReport Report(
        RunOptions options, PagerContext context, PagerLoop loop, CallService? calls, Tracer tracer, long startedAt, TimeSpan cpuBefore)
    {
        PagerStatistics statistics = context.Statistics;
        ClearAccount account = loop.Account;
        string algorithm = RunReportWriter.NameOf(options.Algorithm);
        return new RunReport
        {
            Program = Encoding.UTF8.GetString(options.Program),
            Options = new()
            {
                WindowBytes = options.WindowBytes,
                IdleSeconds = options.Idle.TotalSeconds,
                Algorithm = algorithm,
                KeyPer = RunReportWriter.NameOf(options.KeyPer),
            },
            Processes = tracer.ProcessCount,
            ProcessesAttached = loop.AttachedCount,
            ThreadsAttached = tracer.ThreadCount,
            Keys = [.. loop.AllKeys.Select(k => new KeyReport
            {
                KeyId = k.KeyId.Value,
                Algorithm = algorithm,
                PagesSealed = (long)k.Frames.SealedEver,
            })],
            ProgramKeys = [.. (calls?.Table.Uses ?? []).OrderBy(each => each.Key).Select(each => new ProgramKeyReport
            {
                KeyId = each.Key.KeyId,
                Algorithm = RunReportWriter.NameOf(each.Key.Algorithm),
                Keys = each.Value.Keys,
                PagesSealed = each.Value.PagesSealed,
            })],
            SealedPages = statistics.SealedPages,
            WipedPages = statistics.WipedPages,
            OpenedPages = statistics.OpenedPages,
            RescuedPages = statistics.RescuedPages,
            Faults = statistics.Faults,
            SealingSeconds = new()
            {
                Move = Seconds(statistics.Sealing.Move),
                Read = Seconds(statistics.Sealing.Read),
                Encrypt = Seconds(statistics.Sealing.Encrypt),
                Drop = Seconds(statistics.Sealing.Drop),
            },
            PeakMetadataBytes = account.PeakMetadataBytes,
            PeakSealedBytes = account.PeakSealedBytes,
            FaultAllocatedBytes = statistics.FaultAllocatedBytes,
            FaultLatencyMicroseconds = new()
            {
                P50 = statistics.FaultLatency.Quantile(0.5),
                P99 = statistics.FaultLatency.Quantile(0.99),
                Max = statistics.FaultLatency.Quantile(1),
            },
            PeakClearBytes = account.PeakClearBytes,
            WindowFullSeconds = account.WindowFull.TotalSeconds,
            PeakPrivateBytes = account.PeakPrivateBytes,
            MeanClearBytes = account.MeanClearBytes,
            MeanPrivateBytes = account.MeanPrivateBytes,
            TimeInClear = account.TimeInClear,
            ClearBytesByReason = (IReadOnlyDictionary<string, long>)account.MeanUncovered(),
            Killed = statistics.Killed,
            Remarks = [.. statistics.Remarks],
            WallSeconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds,
            PagerCpuSeconds = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds,
            ExitStatus = tracer.ExitStatus,
        };
    }

    private static double Seconds(long ticks) => Stopwatch.GetElapsedTime(0, ticks).TotalSeconds;
}
