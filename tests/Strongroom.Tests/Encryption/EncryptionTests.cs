using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Encryption;

/// <summary>
/// What an attacker with root finds in the memory of a process that runs under Strongroom, in a core dump of it, and in
/// the pager. The same search over an unprotected process finds everything, every time, or it would prove nothing.
/// </summary>
[Collection(HeavyTests.Name)]
public class EncryptionTests
{
    private const int HeldPages = 65_536;
    private const int HotPages = 256;
    private const int WindowPages = 2_048;
    private static readonly RunOptions s_options = new() { Window = "8M", Idle = "100ms" };
    private static readonly TimeSpan s_promised = TimeSpan.FromSeconds(2);

    [Fact]
    public void Without_Strongroom_every_marked_page_is_found()
    {
        using Holder holder = Holder.Start(HeldPages, HotPages, options: null);
        HashSet<ulong> pages = holder.PagesWithMarker(holder.ProcessId);
        Assert.True(pages.Count >= HeldPages, $"Only {pages.Count} of {HeldPages} pages were found.");
        Assert.True(holder.CountMarkers(holder.ProcessId) >= HeldPages * 2L);
    }

    [Fact]
    public void A_window_of_marked_pages_is_found_at_most_and_none_in_the_pager()
    {
        Requirements.Pager();
        using Holder holder = Holder.Start(HeldPages, HotPages, s_options);
        Thread.Sleep(s_promised);
        HashSet<ulong> clear = holder.PagesWithMarker(holder.ProcessId);
        Assert.InRange(clear.Count, HotPages, WindowPages);
        foreach (int pager in PagerProcesses(holder))
        {
            AssertHoldsNeitherMarkerNorKey(holder, pager);
        }

        holder.Command('c');
        Thread.Sleep(s_promised);
        Assert.InRange(holder.PagesWithMarker(holder.ProcessId).Count, HotPages, WindowPages);
        Outcome outcome = holder.End();
        Assert.True(outcome.ExitStatus == 0 && !outcome.TimedOut, outcome.ToString());
        RunReport report = RunReport.Read(holder.ReportFile, outcome);
        Assert.True(report.SealedPages > HeldPages - WindowPages, report.ToString());
        Assert.True(report.OpenedPages > HeldPages - WindowPages, report.ToString());
    }

    [Fact]
    public void A_core_taken_with_gcore_shows_a_window_at_most()
    {
        Requirements.Pager();
        Requirements.Tools("gcore");
        using Holder holder = Holder.Start(HeldPages, HotPages, s_options);
        Thread.Sleep(s_promised);
        string prefix = Path.Combine(holder.Directory, "core");
        Outcome taken = Supervised.Run(new Launch("gcore", "-o", prefix, $"{holder.ProcessId}"));
        string core = $"{prefix}.{holder.ProcessId}";
        Assert.False(taken.TimedOut, taken.ToString());
        if (File.Exists(core))
        {
            Assert.InRange(holder.PagesWithMarker(core), 0, WindowPages);
        }
        else
        {
            // The pager traces the process already, and a process has one tracer at most (ptrace(2), EPERM).
            Assert.Contains("Operation not permitted", taken.Error + taken.OutputText, StringComparison.Ordinal);
        }

        holder.Command('c');
        Assert.Equal(0, holder.End().ExitStatus);
    }

    [Fact]
    public void A_core_dumped_by_the_kernel_shows_a_window_at_most()
    {
        Requirements.Pager();
        Assert.SkipUnless(
            File.ReadAllText("/proc/sys/kernel/core_pattern").Trim() == "core",
            "The kernel hands core dumps to a program here (core_pattern).");
        using Holder holder = Holder.Start(HeldPages, HotPages, s_options);
        Thread.Sleep(s_promised);
        ProcessTable.Signal(holder.ProcessId, 6);
        Outcome outcome = holder.Run.Wait();
        Assert.Equal(128 + 6, outcome.ExitStatus);
        string core = Directory.EnumerateFiles(holder.Directory, "core*").Single();
        Assert.InRange(holder.PagesWithMarker(core), HotPages / 2, WindowPages);
    }

    [Fact]
    public void Staging_is_overwritten_unless_a_program_lends_pages_and_that_is_said()
    {
        RunOptions options = new() { Window = "1M", Idle = "40ms" };
        RunReport plain = Both.Compare(new Launch(CProgram.Get("sweep").Executable), options, new Expectation());
        Assert.True(plain.Number("wipedPages") >= plain.SealedPages / 2, plain.ToString());
        Assert.DoesNotContain("lends pages", plain.ToString(), StringComparison.Ordinal);
        RunReport lending = Both.Compare(new Launch(CProgram.Get("syscall_buffers").Executable), options, new Expectation());
        Assert.Contains("lends pages", lending.ToString(), StringComparison.Ordinal);
    }

    // Without a bound on opening, all of the 256 MiB are in clear most of the time.
    [Fact]
    public void The_window_holds_while_a_program_walks_through_its_memory()
    {
        Launch walk = new(CProgram.Target("walk").Executable, "256", "4");
        RunReport report = ReportOf(walk, new RunOptions { Window = "8M", Idle = "40ms" }, "walked\n");
        Assert.InRange(report.Number("meanClearBytes"), 1 << 20, 64 << 20);
    }

    // Each fork shares all of the 64 MiB again, and pages that are shared cannot be moved. Unshared and not moved at once, they stay in clear.
    [Fact]
    public void The_window_holds_while_a_program_forks_all_the_time()
    {
        Launch forks = new(CProgram.Target("fork_often").Executable);
        RunReport report = ReportOf(forks, new RunOptions { Window = "4M", Idle = "40ms" }, "forked\n");
        Assert.InRange(report.Number("meanClearBytes"), 1 << 16, 40 << 20);
    }

    // If the child's 64 MiB counted, all that the parent works in would be sealed at every look, because it does not fit beside them.
    [Fact]
    public void A_process_that_stays_in_clear_takes_no_room_in_the_window()
    {
        Launch beside = new(CProgram.Target("beside_refused").Executable);
        RunReport report = ReportOf(beside, new RunOptions { Window = "16M", Idle = "400ms" }, "worked\n");
        Assert.Contains("seccomp filter", report.ToString(), StringComparison.Ordinal);
        Assert.InRange(report.SealedPages, 1, 1_000);
    }

    // The kernel forgets that it was to stop a thread when the thread stops for another reason, which to fork is. One of hundreds of
    // processes then stays in clear for its whole life; and while the window is full, faults must not wait for sealing that a fork holds up.
    [Fact]
    public void A_process_that_is_stopped_while_it_forks_gets_its_agent()
    {
        Launch busy = new(CProgram.Target("fork_busy").Executable);
        _ = ReportOf(busy, new RunOptions { Window = "1M", Idle = "40ms" }, "every one got its agent\n");
    }

    [Fact]
    public void Equal_pages_have_different_ciphertext_and_another_one_at_every_seal()
    {
        Requirements.Pager();
        const int Pages = 8_192;
        using Holder holder = Holder.Start(Pages, hot: 16, s_options with { Window = "1M" }, equal: true);
        Thread.Sleep(s_promised);
        List<UInt128> first = RandomLookingPages(holder);
        Assert.True(first.Count > Pages * 8 / 10, $"Only {first.Count} pages of ciphertext were found in the pager.");
        int repeated = first.Count - first.Distinct().Count();
        Assert.True(repeated == 0, $"{repeated} pages of ciphertext are there twice.");
        holder.Command('w');
        Thread.Sleep(s_promised);
        List<UInt128> second = RandomLookingPages(holder);
        Assert.True(second.Count > Pages * 8 / 10, $"Only {second.Count} pages of ciphertext were found in the pager.");
        int kept = first.Intersect(second).Count();

        // Frames that were freed and not used again may still hold what they held before.
        Assert.True(kept < Pages / 2, $"{kept} of {Pages} pages had the same ciphertext after they were sealed anew.");
        Assert.Equal(0, holder.End().ExitStatus);
    }

    [Fact]
    public void The_search_for_keys_finds_those_of_a_process_that_holds_some()
    {
        using Supervised supervised = Supervised.Start(new Launch(CProgram.Target("key_holder").Executable));
        string ready = supervised.WaitForOutput("\n");
        int pid = int.Parse(ready.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(4, CountKeySchedules(pid));
        supervised.Kill();
    }

    private static void AssertHoldsNeitherMarkerNorKey(Holder holder, int pid)
    {
        long markers = holder.CountMarkers(pid);
        Assert.True(markers == 0, $"{markers} markers are in process {pid} ({ProcessTable.Name(pid)}).");
        int keys = CountKeySchedules(pid);
        Assert.True(keys == 0, $"{keys} expanded AES keys are in process {pid} ({ProcessTable.Name(pid)}).");
    }

    private static RunReport ReportOf(Launch program, RunOptions options, string output)
    {
        Requirements.Pager();
        string directory = Workplace.NewRunDirectory("report");
        string file = Path.Combine(directory, "report.json");
        Outcome outcome = Supervised.Run(options.Wrap(program, file));
        Assert.True(outcome.ExitStatus == 0 && outcome.OutputText == output, outcome.ToString());
        RunReport report = RunReport.Read(file, outcome);
        Directory.Delete(directory, recursive: true);
        return report;
    }

    // Everything of the tree that is neither the holder nor its agent, which shares its memory.
    private static List<int> PagerProcesses(Holder holder)
    {
        List<int> others = [];
        foreach (int pid in ProcessTable.Descendants(holder.Run.SupervisorId))
        {
            if (pid != holder.ProcessId && ProcessTable.Name(pid) != "strongroom-agt")
            {
                others.Add(pid);
            }
        }

        Assert.Contains(holder.RootId, others);
        return others;
    }

    private static int CountKeySchedules(int pid)
    {
        HashSet<ulong> places = [];
        _ = MemoryImage.Visit(pid, (range, address, piece) =>
        {
            foreach (int offset in KeySchedules.Find(piece))
            {
                _ = places.Add(address + (ulong)offset);
            }
        });
        return places.Count;
    }

    // Digests of the pager's pages that could be ciphertext: no byte is much more frequent than chance allows.
    private static List<UInt128> RandomLookingPages(Holder holder)
    {
        const int MostOfOneByte = 50;   // 16 are expected in 4096; 50 is more than eight standard deviations away.
        Dictionary<ulong, UInt128> pages = [];
        foreach (int pager in PagerProcesses(holder))
        {
            _ = MemoryImage.Visit(pager, (range, address, piece) =>
            {
                Span<int> counts = stackalloc int[256];
                for (int at = 0; at + 4096 <= piece.Length; at += 4096)
                {
                    counts.Clear();
                    int most = 0;
                    foreach (byte b in piece.Slice(at, 4096))
                    {
                        most = Math.Max(most, ++counts[b]);
                    }

                    if (most <= MostOfOneByte)
                    {
                        pages[address + (ulong)at] = Digest(piece.Slice(at, 4096));
                    }
                }
            });
        }

        return [.. pages.Values];
    }

    private static UInt128 Digest(ReadOnlySpan<byte> page)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(page, digest);
        return BinaryPrimitives.ReadUInt128LittleEndian(digest);
    }
}
