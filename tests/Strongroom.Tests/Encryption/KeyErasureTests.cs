using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Encryption;

/// <summary>What was stored under a key of a program's own is gone with the key, for somebody who has all of the pager's memory.</summary>
public class KeyErasureTests
{
    private const int PageBytes = 4096;
    private const int MostSeals = 2048;
    private const int MostFrames = 512;

    [Fact]
    public void With_its_key_the_ciphertext_leaves_the_pager()
    {
        Requirements.Root();
        Requirements.Pager();
        HashSet<UInt128> beginnings = PossibleBeginnings();
        string program = CProgram.Target("key_eraser").Executable;

        // Each line ends a wait of the program's, after time enough for a look at the pager.
        string line = $"(sleep 6; echo; sleep 8; echo) | exec {Workplace.Command} run -q --window 1M --idle 40ms -- {program}";
        using Supervised run = Supervised.Start(new("sh", "-c", line));
        _ = run.WaitForOutput("sealed");
        int pager = PagerOf(run.SupervisorId);
        long before = Count(pager, beginnings);
        Assert.True(before > 100, $"Only {before} of 256 pages were found before, so nothing would be shown.");
        _ = run.WaitForOutput("erased");
        Assert.Equal(0, Count(pager, beginnings));
        Outcome outcome = run.Wait();
        Assert.True(outcome.ExitStatus == 0, outcome.ToString());
    }

    // The first block of every ciphertext that the page can have: data unit = seal counter and frame (FrameStore).
    private static HashSet<UInt128> PossibleBeginnings()
    {
        byte[] material = Convert.FromHexString("12345678912345671234567891234567abcdefabcdefabcdefabcdefabcdefab");
        using XtsKey key = XtsKey.Import(MemoryAlgorithm.AesXts128, material);
        byte[] plaintext = new byte[16];
        Array.Fill(plaintext, (byte)0x5a);
        byte[] block = new byte[16];
        HashSet<UInt128> found = new(MostSeals * MostFrames);
        for (ulong counter = 1; counter <= MostSeals; counter++)
        {
            for (ulong frame = 0; frame < MostFrames; frame++)
            {
                key.Encrypt(plaintext, block, new UInt128(counter, frame));
                _ = found.Add(MemoryMarshal.Read<UInt128>(block));
            }
        }

        return found;
    }

    private static long Count(int pid, HashSet<UInt128> beginnings)
    {
        HashSet<ulong> places = [];
        _ = MemoryImage.Visit(pid, (range, address, piece) =>
        {
            for (int at = 0; at + PageBytes <= piece.Length; at += PageBytes)
            {
                if (beginnings.Contains(MemoryMarshal.Read<UInt128>(piece[at..])))
                {
                    _ = places.Add(address + (ulong)at);
                }
            }
        });
        return places.Count;
    }

    // The process of the thread that traces the program.
    private static int PagerOf(int supervisor)
    {
        int target = ProcessTable.Descendants(supervisor).First(pid => File.ReadAllText($"/proc/{pid}/comm").Trim() == "key_eraser");
        return Field(Field(target, "TracerPid:"), "Tgid:");
    }

    private static int Field(int pid, string name) => int.Parse(
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..],
        CultureInfo.InvariantCulture);
}
