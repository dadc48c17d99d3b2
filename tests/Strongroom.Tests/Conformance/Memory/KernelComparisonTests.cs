using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Memory;
using Strongroom.Tests.Harness;
using Strongroom.Tests.Unit.Memory;
using Xunit;

namespace Strongroom.Tests.Conformance.Memory;

/// <summary>The same random calls on an <see cref="AddressSpace"/> and on the kernel below: same errors, same pages.</summary>
/// <remarks>
/// The kernel's side runs in this process, in a corner of its address space far below where the kernel puts mappings without a
/// place, so that nothing else is ever mapped into its holes.
/// </remarks>
public partial class KernelComparisonTests
{
    private const ulong Corner = 0x1000_0000_0000;
    private const int PageCount = 24;
    private const int Steps = 20_000;
    private const ulong GrowsDown = 0x0100_0000; // PROT_GROWSDOWN
    private const ulong P = PageNumber.SizeBytes;
    private const int MapPrivateAnonymousFixed = 0x32;

    private static readonly ulong[] s_oddities = [0, 1, P - 1, P + 1, ulong.MaxValue, 0x8000_0000_0000, 0xffff_ffff_ffff_f000];

    [Fact]
    public void Random_calls_get_the_same_errors_and_leave_the_same_pages_as_on_the_kernel()
    {
        Assert.SkipUnless(
            Environment.OSVersion.Version >= new Version(6, 17), "Before Linux 6.17 mremap checked its arguments in another order.");
        Random random = new(TestSeed.Choose());
        using MemoryBench bench = new(maxVmaCount: 65530);
        try
        {
            for (int step = 0; step < Steps; step++)
            {
                (string call, Errno expected, Errno actual) = Step(random, bench);
                Assert.True(expected == actual, $"Step {step}, {call}: {actual}, but {expected} from the kernel.");
                if (step % 8 == 0)
                {
                    string? wrong = FindDifference(bench);
                    Assert.True(wrong is null, $"Step {step}, {call}: {wrong}");
                }
            }
        }
        finally
        {
            _ = munmap(Corner, PageCount * P);
        }
    }

    private static (string Call, Errno Expected, Errno Actual) Step(Random random, MemoryBench bench)
    {
        AddressSpace space = bench.Space;
        ulong address = Corner + ((ulong)random.Next(PageCount) * P);
        ulong length = Math.Min((ulong)random.Next(1, 8) * P, Corner + (PageCount * P) - address);
        int protection = random.Next(8);
        bool isOdd = random.Next(10) == 0;
        switch (random.Next(6))
        {
            case 0:
                Errno mapped = Result(mmap(address, length, protection, MapPrivateAnonymousFixed, -1, 0));
                return ($"mmap {address:x} {length:x} {protection}", mapped, space.Map(
                    new(length, new((Protection)protection), new(address), MapPlacement.Fixed), out _));
            case 1:
                length = isOdd ? s_oddities[random.Next(s_oddities.Length)] : length;
                address += isOdd && random.Next(3) == 0 ? 1ul : 0;
                if (isOdd && length > P + 1 && length < 0x8000_0000_0000)
                {
                    length = 0;
                }

                return ($"munmap {address:x} {length:x}", Result(munmap(address, length)), space.Unmap(new(address), length));
            case 2 or 3:
                length = isOdd ? s_oddities[random.Next(s_oddities.Length)] : length;
                address += random.Next(20) == 0 ? 1ul : 0;
                ulong bits = (uint)protection | (random.Next(12) == 0 ? 1UL << random.Next(3, 27) : 0);
                if (bits >= GrowsDown && length == 0x8000_0000_0000)
                {
                    length = 0; // it would begin at the first mapping above the corner, which is one of this process's own
                }

                return ($"mprotect {address:x} {length:x} {bits:x}", Result(mprotect(address, length, (int)bits)),
                    space.Protect(new(address), length, new(bits)));
            case 4:
                return Advise(random, space, address, length);
            default:
                return Remap(random, space, address);
        }
    }

    private static (string Call, Errno Expected, Errno Actual) Advise(Random random, AddressSpace space, ulong address, ulong length)
    {
        Advice[] all = [.. Enum.GetValues<Advice>().Where(advice => advice is not (Advice.Mergeable or Advice.Unmergeable))];
        Advice advice = all[random.Next(all.Length)];
        length = random.Next(20) == 0 ? s_oddities[random.Next(s_oddities.Length)] : length;
        length = length == 0x8000_0000_0000 ? 0 : length;
        return ($"madvise {address:x} {length:x} {advice}", Result(madvise(address, length, (int)advice)),
            space.Advise(new(address), length, advice));
    }

    private static (string Call, Errno Expected, Errno Actual) Remap(Random random, AddressSpace space, ulong address)
    {
        // One page, which lies in one VMA on both sides: the kernel's VMAs merge less often, for its reverse map's sake.
        ulong newLength = (ulong)random.Next(4) * P;
        ulong place = Corner + ((ulong)random.Next(PageCount - 3) * P) + (random.Next(20) == 0 ? 1ul : 0);
        RemapOptions options = (RemapOptions)random.Next(8);
        bool mayLand = (options & RemapOptions.Fixed) == 0 && (options & RemapOptions.MayMove) != 0;
        if (mayLand)
        {
            options |= RemapOptions.Fixed; // where the kernel would put it otherwise is not ours to predict
        }

        nint moved = mremap(address, P, newLength, (int)options, place);
        Errno expected = Result(moved);
        Errno actual = space.Remap(new(address), P, newLength, options, new(place), out VirtualAddress now);
        Assert.True(moved == -1 || (ulong)moved == now.Value, $"mremap went to {moved:x}, not {now}.");
        return ($"mremap {address:x} to {place:x} {newLength:x} {options}", expected, actual);
    }

    private static Errno Result(nint value) => value == -1 ? (Errno)Marshal.GetLastPInvokeError() : Errno.None;

    /// <summary>Compares which pages are mapped, and how.</summary>
    private static string? FindDifference(MemoryBench bench)
    {
        Dictionary<ulong, string> kernel = [];
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] parts = line.Split(' ', 3);
            int dash = parts[0].IndexOf('-', StringComparison.Ordinal);
            ulong start = ulong.Parse(parts[0].AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(parts[0].AsSpan(dash + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            for (ulong page = Math.Max(start, Corner); page < Math.Min(end, Corner + (PageCount * P)); page += P)
            {
                kernel[page] = parts[1][..3];
            }
        }

        for (ulong page = Corner; page < Corner + (PageCount * P); page += P)
        {
            Vma? vma = bench.Space.Find(new(page));
            string ours = vma is null ? "none" : MemoryBench.Letters(vma.Protection);
            string theirs = kernel.GetValueOrDefault(page, "none");
            if (ours != theirs)
            {
                return $"page {page:x} is {ours}, but {theirs} in /proc/self/maps";
            }
        }

        return null;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(ulong address, ulong length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(ulong address, ulong length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(ulong address, ulong length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(ulong address, ulong length, int advice);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mremap(ulong address, ulong oldLength, ulong newLength, int flags, ulong newAddress);
}
