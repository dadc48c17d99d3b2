using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using Strongroom.Tests.Harness;

namespace Strongroom.Tests.Encryption;

/// <summary>
/// A running holder of marked pages, with or without Strongroom. The marker's seed reaches it through a fifo only, so
/// that no process but the holder has ever seen it; the test computes the marker for itself.
/// </summary>
internal sealed class Holder : IDisposable
{
    private readonly Supervised _supervised;
    private readonly string _directory;
    private readonly FileStream _commands;

    private Holder(Supervised supervised, string directory, FileStream commands, byte[] marker, string ready)
    {
        _supervised = supervised;
        _directory = directory;
        _commands = commands;
        Marker = marker;
        string[] words = ready[ready.IndexOf("ready", StringComparison.Ordinal)..].Split([' ', '\n']);
        ProcessId = int.Parse(words[1], CultureInfo.InvariantCulture);
    }

    /// <summary>The sixteen bytes that stand in every page, two or three times.</summary>
    public byte[] Marker { get; }

    /// <summary>The holder itself.</summary>
    public int ProcessId { get; }

    /// <summary>The first process of the tree: the pager, under Strongroom.</summary>
    public int RootId => _supervised.WaitForRoot();

    /// <summary>The run, to wait for its end.</summary>
    public Supervised Run => _supervised;

    /// <summary>The report that the run will write.</summary>
    public string ReportFile => Path.Combine(_directory, "report.json");

    /// <summary>A directory for files of this run, deleted with it.</summary>
    public string Directory => _directory;

    /// <summary>Starts a holder natively if <paramref name="options"/> is null.</summary>
    public static Holder Start(int pages, int hot, RunOptions? options, bool equal = false, double limitSeconds = 90)
    {
        string directory = Workplace.NewRunDirectory("holder");
        ulong seed = BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8)) >> 1;
        string fifo = Path.Combine(directory, "commands");
        Outcome made = Supervised.Run(new Launch("mkfifo", fifo));
        if (made.ExitStatus != 0)
        {
            throw new InvalidOperationException($"No fifo could be made.\n{made}");
        }

        List<string> arguments = [pages.ToString(CultureInfo.InvariantCulture), hot.ToString(CultureInfo.InvariantCulture)];
        if (equal)
        {
            arguments.Add("equal");
        }

        // The shell opens the fifo and is then replaced: ulimit lets the kernel write a core where a test wants one.
        Launch program = new(
            "sh",
            ["-c", "ulimit -c unlimited; exec \"$0\" \"$@\" < commands", CProgram.Target("holder").Executable, .. arguments])
        {
            Directory = directory,
            LimitSeconds = limitSeconds,
        };
        Supervised supervised = Supervised.Start(
            options is null ? program : options.Wrap(program, Path.Combine(directory, "report.json")));
        FileStream commands = new(fifo, FileMode.Open, FileAccess.ReadWrite);
        WriteLine(commands, seed.ToString(CultureInfo.InvariantCulture));
        string ready = supervised.WaitForOutput("\n");
        return new Holder(supervised, directory, commands, MarkerOf(seed), ready);
    }

    /// <summary>Sends a command of one letter and waits until it was done.</summary>
    public void Command(char letter, double seconds = 60)
    {
        int before = Count(_supervised.OutputSoFar(), $"done {letter}");
        WriteLine(_commands, letter.ToString());
        System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        while (Count(_supervised.OutputSoFar(), $"done {letter}") == before)
        {
            if (clock.Elapsed.TotalSeconds > seconds || !ProcessTable.IsAlive(ProcessId))
            {
                _supervised.Kill();
                throw new InvalidOperationException($"The holder did not do '{letter}'.\n{_supervised.Wait()}");
            }

            System.Threading.Thread.Sleep(5);
        }
    }

    /// <summary>Asks the holder to end and waits for it.</summary>
    public Outcome End()
    {
        WriteLine(_commands, "e");
        return _supervised.Wait();
    }

    /// <summary>Markers that a process's present pages show, at any offset.</summary>
    public long CountMarkers(int pid)
    {
        long count = 0;
        _ = MemoryImage.Visit(pid, (_, _, piece) => count += CountIn(piece));
        return count;
    }

    /// <summary>Pages, by address, that show the marker.</summary>
    public HashSet<ulong> PagesWithMarker(int pid)
    {
        HashSet<ulong> pages = [];
        _ = MemoryImage.Visit(pid, (range, address, piece) =>
        {
            for (int at = piece.IndexOf(Marker); at >= 0;)
            {
                _ = pages.Add((address + (ulong)at) / 4096);
                int next = piece[(at + 1)..].IndexOf(Marker);
                at = next < 0 ? -1 : at + 1 + next;
            }
        });
        return pages;
    }

    /// <summary>Pages of a file that show the marker.</summary>
    public long PagesWithMarker(string file)
    {
        HashSet<long> pages = [];
        using FileStream stream = File.OpenRead(file);
        byte[] buffer = new byte[4 << 20];
        long position = 0;
        for (int got; (got = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0; position += got)
        {
            for (int at = buffer.AsSpan(0, got).IndexOf(Marker); at >= 0;)
            {
                _ = pages.Add((position + at) / 4096);
                int next = buffer.AsSpan(at + 1, got - at - 1).IndexOf(Marker);
                at = next < 0 ? -1 : at + 1 + next;
            }
        }

        return pages.Count;
    }

    /// <summary>Ends everything and deletes the directory.</summary>
    public void Dispose()
    {
        _supervised.Dispose();
        _commands.Dispose();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    private long CountIn(ReadOnlySpan<byte> piece)
    {
        long count = 0;
        for (int at; (at = piece.IndexOf(Marker)) >= 0; piece = piece[(at + 1)..])
        {
            count++;
        }

        return count;
    }

    private static int Count(string text, string part) => text.Split('\n').Count(line => line == part);

    private static void WriteLine(FileStream stream, string text)
    {
        stream.Write([.. text.Select(c => (byte)c), (byte)'\n']);
        stream.Flush();
    }

    // The same words as word_at() of Programs/common.h makes.
    private static byte[] MarkerOf(ulong seed)
    {
        byte[] marker = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(marker, WordAt(seed, 1_000_001));
        BinaryPrimitives.WriteUInt64LittleEndian(marker.AsSpan(8), WordAt(seed, 1_000_002));
        return marker;
    }

    private static ulong WordAt(ulong seed, ulong index)
    {
        unchecked
        {
            ulong x = (seed * 0x9e3779b97f4a7c15) + index + 1;
            x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
            x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
            return x ^ (x >> 31);
        }
    }
}
