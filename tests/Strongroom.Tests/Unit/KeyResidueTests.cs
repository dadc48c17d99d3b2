using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Crypto.Backends;
using Strongroom.Secrets;
using Strongroom.Tests.Contract;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>
/// After work with a key, the process's readable memory is searched for its round keys, its tweak and the plaintext.
/// </summary>
public class KeyResidueTests
{
    private const int PlainBytes = 32768;

    public static TheoryData<string, MemoryAlgorithm> All => new MatrixTheoryData<string, MemoryAlgorithm>(
        XtsBackendRegistry.Names, Enum.GetValues<MemoryAlgorithm>());

    [Theory]
    [MemberData(nameof(All))]
    public void No_round_key_and_no_plaintext_stays_in_readable_memory(string name, MemoryAlgorithm algorithm)
    {
        XtsBackend backend = XtsBackendRegistry.GetOrSkip(name);
        using SecretBuffer plain = SecretBuffer.Allocate(PlainBytes);
        Assert.SkipUnless(
            plain.Protection == SecretProtection.MemfdSecret, "memfd_secret(2) is refused, so every secret is readable.");
        using XtsKey key = XtsKey.Generate(algorithm, backend);
        using XtsKey noise = XtsKey.Generate(algorithm, backend);
        Work(key, noise, plain);

        List<nint> needles = [plain.Address + 64, plain.Address + PlainBytes - 16];
        ScheduleLayout layout = ScheduleLayout.Of(algorithm);
        int keyStride = name == "portable" ? 64 : 16;
        for (int i = 0; i < 2 * layout.RoundKeys; i += 3)
        {
            needles.Add(key.ScheduleAddress + (i * keyStride));
        }

        Assert.True(Search(needles, out string where), where);
    }

    [Fact]
    public void The_search_finds_what_is_there()
    {
        using SecretBuffer secret = SecretBuffer.Allocate(16);
        Random.Shared.NextBytes(secret.Span);
        byte[] leaked = GC.AllocateArray<byte>(4096, pinned: true);
        secret.Span.CopyTo(leaked.AsSpan(1000));
        Assert.False(Search([secret.Address], out _));
        GC.KeepAlive(leaked);
    }

    // Plaintext is made in secret memory by the noise key, so that no other copy of it ever exists.
    private static void Work(XtsKey key, XtsKey noise, SecretBuffer plain)
    {
        noise.EncryptRun(plain.Span, plain.Span, 4096, 1);
        byte[] cipher = new byte[PlainBytes];
        for (int i = 0; i < 50; i++)
        {
            key.EncryptRun(plain.Span, cipher, 4096, 7);
            key.DecryptRun(cipher, plain.Span, 4096, 7);
            key.Encrypt(plain.Span[..4080], cipher.AsSpan(0, 4080), 99);
        }
    }

    private static unsafe bool Search(List<nint> needles, out string where)
    {
        using FileStream memory =
            new("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        const int ChunkBytes = 1 << 20;
        byte* chunk = (byte*)NativeMemory.Alloc(ChunkBytes);
        try
        {
            foreach ((long start, long end) in WritableRegions())
            {
                for (long at = start; at < end; at += ChunkBytes - 64)
                {
                    int got = Read(memory, at, new Span<byte>(chunk, (int)Math.Min(ChunkBytes, end - at)));
                    ReadOnlySpan<byte> read = new(chunk, Math.Max(0, got));
                    foreach (nint needle in needles)
                    {
                        int found = read.IndexOf(new ReadOnlySpan<byte>((void*)needle, 16));
                        if (found >= 0 && Math.Abs(at + found - (nint)chunk) > ChunkBytes)
                        {
                            where = $"A secret lies at 0x{at + found:x}, in the region from 0x{start:x}.";
                            return false;
                        }
                    }
                }
            }
        }
        finally
        {
            NativeMemory.Free(chunk);
        }

        where = string.Empty;
        return true;
    }

    private static int Read(FileStream memory, long at, Span<byte> chunk)
    {
        try
        {
            memory.Position = at;
            return memory.Read(chunk);
        }
        catch (IOException)
        {
            return 0; // secret memory, or a region that was unmapped meanwhile
        }
    }

    private static IEnumerable<(long Start, long End)> WritableRegions() =>
        from line in File.ReadAllLines("/proc/self/maps")
        where line.Contains(" rw", StringComparison.Ordinal)
        let dash = line.IndexOf('-', StringComparison.Ordinal)
        let space = line.IndexOf(' ', StringComparison.Ordinal)
        select (
            long.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            long.Parse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
}
