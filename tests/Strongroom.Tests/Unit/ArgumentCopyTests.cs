using System;
using Strongroom.Core;
using Strongroom.Pager.Agent;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>What the kernel shows of the copy of a program's arguments, against what it would show of themselves.</summary>
public class ArgumentCopyTests
{
    private const int Page = PageNumber.SizeBytes;
    private const ulong Base = 0x7000_0000_0000;

    [Fact]
    public void The_copy_shows_what_the_arguments_would()
    {
        Random random = new(TestSeed.Choose());
        for (int program = 0; program < 2000; program++)
        {
            byte[] memory = new byte[5 * Page];
            int start = random.Next(Page);
            int length = 1 + random.Next(random.Next(2) == 0 ? 100 : 3 * Page);
            ArgumentCopy copy = new(Base + (ulong)start, Base + (ulong)(start + length), 0);
            byte[] copied = new byte[Math.Max(ArgumentCopy.AreaBytesFor(length), Page)];
            for (int title = 0; title < 5; title++)
            {
                Write(memory.AsSpan(start), length, random);
                Follow(copy, memory, copied);
                string wanted = Convert.ToHexString(Shown(memory.AsSpan(start), length));
                Assert.Equal(wanted, Convert.ToHexString(Shown(copied, (int)copy.ShownEnd)));
            }
        }
    }

    [Fact]
    public void Nothing_behind_the_arguments_is_copied()
    {
        byte[] memory = new byte[2 * Page];
        memory.AsSpan().Fill(1);
        memory[9] = 0;
        ArgumentCopy copy = new(Base, Base + 10, 0);
        byte[] copied = new byte[Page];
        Follow(copy, memory, copied);
        Assert.True(copy.IsTold);
        Assert.False(copied.AsSpan(10).ContainsAnyExcept((byte)0));
    }

    private static void Write(Span<byte> arguments, int length, Random random)
    {
        int rarity = 1 << random.Next(14); // of zero bytes
        foreach (ref byte each in arguments)
        {
            each = random.Next(rarity) == 0 ? (byte)0 : (byte)random.Next(1, 256);
        }

        arguments[length - 1] = random.Next(2) == 0 ? (byte)0 : arguments[length - 1];
    }

    private static void Follow(ArgumentCopy copy, ReadOnlySpan<byte> memory, Span<byte> copied)
    {
        for (ulong number = copy.FirstPage.Value; number <= copy.LastPage.Value; number++)
        {
            PageNumber page = new(number);
            int at = (int)(page.Address.Value - Base);
            copy.PartOf(page, memory.Slice(at, Page), out ulong place).CopyTo(copied[(int)place..]);
        }
    }

    // fs/proc/base.c, get_mm_cmdline: all of the arguments, or if the last byte is not zero a title up to and with a zero byte, a page at most.
    private static ReadOnlySpan<byte> Shown(ReadOnlySpan<byte> arguments, int length)
    {
        if (arguments[length - 1] == 0)
        {
            return arguments[..length];
        }

        ReadOnlySpan<byte> title = arguments[..Math.Min(arguments.Length, Page)];
        int zero = title.IndexOf((byte)0);
        return zero < 0 ? title : title[..(zero + 1)];
    }
}
