using System;
using System.Diagnostics;
using System.IO;
using System.Security.Cryptography;
using Strongroom.Cli.Scanning;
using Strongroom.Core;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Kernel;

/// <summary>Scans of this process and of images for a random pattern that stands nowhere else.</summary>
public unsafe class ScanTests
{
    private const int Page = PageNumber.SizeBytes;
    private readonly byte[] _salt = RandomNumberGenerator.GetBytes(32);

    // The pattern is made anew in native memory each time, so that no managed copy of it is found.
    private PatternCounter Counter()
    {
        PatternCounter counter = new(32);
        Write(counter.Pattern);
        return counter;
    }

    private void Write(Span<byte> destination)
    {
        for (int i = 0; i < 32; i++)
        {
            destination[i] = (byte)(_salt[i] ^ 0x5a);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(Page - 1)]
    [InlineData(Page - 31)]
    [InlineData((2 * Page) - 16)]
    public void A_copy_is_found_once_wherever_it_lies_in_a_mapping(int offset)
    {
        using NativeBuffer memory = new(4 * Page);
        Write(memory.Bytes[offset..]);
        ScanResult result = ScanSelf();
        Assert.Equal(1, result.Copies);
        Assert.Equal(1, result.Of("anonymous").Copies);
        Assert.Equal(memory.Range.Start.Value + (ulong)offset, Assert.Single(result.Findings).Address);
    }

    [Fact]
    public void A_copy_is_found_across_the_pieces_that_are_read_at_once()
    {
        using NativeBuffer memory = new(3 * PatternCounter.PieceBytes);
        memory.Bytes.Fill(1);
        int count = 0;
        for (int at = PatternCounter.PieceBytes - 17; at + 32 < memory.LengthBytes; at += PatternCounter.PieceBytes)
        {
            Write(memory.Bytes[at..]);
            count++;
        }

        Assert.Equal(count, ScanSelf().Copies);
    }

    [Fact]
    public void A_page_that_the_process_itself_may_not_read_is_read()
    {
        using NativeBuffer memory = new(Page);
        Write(memory.Bytes);
        Assert.Equal(0, Libc.mprotect((void*)memory.Range.Start.Value, Page, Libc.PROT_NONE));
        long copies = ScanSelf().Copies;
        Assert.Equal(0, Libc.mprotect((void*)memory.Range.Start.Value, Page, Libc.PROT_READ | Libc.PROT_WRITE));
        Assert.Equal(1, copies);
    }

    [Fact]
    public void Secret_memory_is_counted_as_unreadable()
    {
        Require(KernelProbe.SecretMemory() == 0, "memfd_secret(2) is not permitted here");
        using OwnedDescriptor file = new((int)Libc.memfd_secret(Libc.SYS_memfd_secret, Libc.MEMFD_SECRET_CLOEXEC));
        Assert.Equal(0, Libc.ftruncate(file, 2 * Page));
        void* memory = Libc.mmap(null, 2 * Page, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, file.Number, 0);
        Write(new Span<byte>(memory, 2 * Page));
        ((byte*)memory)[Page] = 1;
        ScanResult result = ScanSelf();
        _ = Libc.munmap(memory, 2 * Page);
        Assert.Equal(0, result.Copies);
        Assert.True(result.Of("secret memory").UnreadableBytes >= 2 * Page);
        Assert.Equal(0, result.Of("secret memory").ReadBytes);
    }

    [Fact]
    public void A_missing_page_of_a_userfaultfd_is_left_alone_and_hides_nothing_after_it()
    {
        nint fd = Libc.syscall(Libc.SYS_userfaultfd, Libc.O_CLOEXEC | Libc.O_NONBLOCK, 0, 0, 0, 0, 0);
        Require(fd >= 0, "userfaultfd(2) is not permitted here");
        using Userfaultfd uffd = new((int)fd);
        uffd.Handshake();
        using NativeBuffer memory = new(4 * Page);
        _ = Libc.madvise((void*)memory.Range.Start.Value, 4 * Page, Libc.MADV_NOHUGEPAGE);
        Write(memory.Bytes);
        Write(memory.Bytes[(3 * Page)..]);
        Assert.Equal(0, uffd.Register(memory.Range));

        long copies = ScanSelf().Copies;
        Span<uffd_msg> messages = stackalloc uffd_msg[4];
        int faults = uffd.ReadMessages(messages);
        Span<byte> one = stackalloc byte[1];
        using ProcessMemory? self = ProcessMemory.TryOpen(Environment.ProcessId);
        int direct = self!.Read(new VirtualAddress(memory.Range.Start.Value + Page), one);
        int faultsAfterDirect = uffd.ReadMessages(messages);
        Assert.Equal(0, uffd.Unregister(memory.Range));

        Assert.Equal(2, copies);
        Assert.Equal(0, faults);
        Assert.Equal(-Libc.EIO, direct);
        Assert.Equal(0, faultsAfterDirect);
    }

    [Fact]
    public void Absent_pages_stay_absent()
    {
        using NativeBuffer memory = new(64 * Page);
        memory.Bytes[0] = 1;
        _ = ScanSelf();
        using PagemapScan? pagemap = PagemapScan.TryOpen(Environment.ProcessId);
        Span<PageRun> runs = stackalloc PageRun[2];
        int n = pagemap!.Find(memory.Range, new PageFilter(PageCategories.Present, default, default, default), runs, out _);
        Assert.Equal(1, n);
        Assert.Equal((ulong)Page, runs[0].Range.LengthBytes);
    }

    [Fact]
    public void A_raw_image_is_searched_to_its_end()
    {
        using NativeBuffer image = new(PatternCounter.PieceBytes + 100);
        Write(image.Bytes[5..]);
        Write(image.Bytes[(image.LengthBytes - 32)..]);
        string path = Path.GetTempFileName();
        try
        {
            using (FileStream file = File.OpenWrite(path))
            {
                file.Write(image.Bytes);
            }

            using PatternCounter counter = Counter();
            ScanResult result = ImageScanner.Scan(path, counter);
            Assert.Equal(2, result.Copies);
            Assert.Equal(image.LengthBytes, result.Of("image").ReadBytes);
            Assert.Equal(5ul, result.Findings[0].Address);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_core_dump_tells_heap_stack_and_files_apart()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcore"), "gcore is not installed (package gdb)");
        string directory = Directory.CreateTempSubdirectory("strongroom-test-").FullName;
        try
        {
            // A program whose only copy of the pattern is in its anonymous memory, and which then waits on its input.
            string pattern = Path.Combine(directory, "pattern");
            using (FileStream file = File.Create(pattern))
            {
                using NativeBuffer bytes = new(32);
                Write(bytes.Bytes);
                file.Write(bytes.Bytes);
            }

            using Process holder = StartHolder(pattern);
            Run("/usr/bin/gcore", "-o", Path.Combine(directory, "core"), $"{holder.Id}");
            holder.Kill();
            holder.WaitForExit();

            using PatternCounter counter = Counter();
            ScanResult result = ImageScanner.Scan(Path.Combine(directory, $"core.{holder.Id}"), counter);
            Assert.True(result.Of("anonymous").Copies >= 1, "the pattern was not found in anonymous memory");
            Assert.True(result.Of("stack").ReadBytes > 0, "no stack was told apart");
            Assert.True(result.Of("file").ReadBytes > 0, "no file was told apart");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void A_core_dump_that_was_cut_off_is_searched_as_far_as_it_goes_or_refused()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] header = new byte[64];
            "\u007fELF\u0002\u0001"u8.CopyTo(header);
            header[16] = 4;     // ET_CORE
            header[32] = 64;    // program headers follow
            header[54] = 56;
            header[56] = 3;     // three of them, and none is there
            File.WriteAllBytes(path, header);
            using PatternCounter counter = Counter();
            _ = Assert.Throws<InvalidDataException>(() => ImageScanner.Scan(path, counter));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Process StartHolder(string pattern)
    {
        ProcessStartInfo start = new("/usr/bin/perl")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            ArgumentList = { "-e", "$|=1; open F,'<',shift; sysread F,$x,32; $y=$x x 10000; print 'ready'; <STDIN>", pattern },
        };
        Process holder = Process.Start(start)!;
        char[] ready = new char[5];
        Assert.Equal(5, holder.StandardOutput.ReadBlock(ready));
        return holder;
    }

    private static void Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
    }

    private static void Require(bool present, string reason)
    {
        Assert.True(present || Environment.GetEnvironmentVariable("STRONGROOM_REQUIRE_KERNEL") != "1", reason);
        Assert.SkipUnless(present, reason);
    }

    private ScanResult ScanSelf()
    {
        using PatternCounter counter = Counter();
        ScanResult? result = ProcessScanner.Scan(Environment.ProcessId, ScanReach.Resident, counter);
        Assert.NotNull(result);
        return result;
    }
}
