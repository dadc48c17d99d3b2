using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Strongroom.Kernel;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Kernel;

/// <summary>What is read from a seccomp filter against what the kernel does with it: random programs, random arguments.</summary>
public class FilterReaderTests
{
    private const int Programs = 600;
    private const int GetParent = 110;
    private const uint Fails = Libc.SECCOMP_RET_ERRNO | 18; // EXDEV
    private static readonly uint[] s_values = [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, uint.MaxValue];

    [Fact]
    public void A_filter_does_what_is_read_from_it()
    {
        Random random = new(TestSeed.Choose());
        List<(sock_filter[] Code, ulong[] Arguments)> asked = [];
        using MemoryStream input = new();
        for (int i = 0; i < Programs; i++)
        {
            sock_filter[] code = MakeProgram(random);
            ulong[] arguments = [.. Enumerable.Range(0, 6).Select(_ => Value(random) | ((ulong)Value(random) << 32))];
            asked.Add((code, arguments));
            input.Write(BitConverter.GetBytes((ulong)code.Length));
            input.Write(MemoryMarshal.AsBytes<sock_filter>(code));
            input.Write(MemoryMarshal.AsBytes<ulong>(arguments));
        }

        Outcome outcome = Supervised.Run(new(CProgram.Target("filter_answers").Executable) { Input = input.ToArray() });
        string answers = outcome.OutputText;
        Assert.True(answers.Length == Programs, $"{answers.Length} answers.\n{outcome}");
        for (int i = 0; i < Programs; i++)
        {
            Compare(random, asked[i].Code, asked[i].Arguments, answers[i]);
        }

        Assert.True(answers.Count(each => each is 'P') > Programs / 10 && answers.Count(each => each is 'E') > Programs / 10, answers);
    }

    private static void Compare(Random random, sock_filter[] code, ulong[] arguments, char answer)
    {
        string about = $"The kernel answers {answer} to {string.Join(' ', arguments.Select(each => $"{each:x}"))} behind "
            + string.Join(' ', code.Select(each => $"{each.code:x2},{each.jt},{each.jf},{each.k:x}"));
        Assert.True(answer is 'P' or 'E' or 'R' or 'K', about);
        if (answer == 'R')
        {
            return; // divided by zero, or read what was not written
        }

        FilterReader reader = new(code);
        ForeseenCall known = Call(arguments, unknown: 0);
        Assert.True(reader.Permits(known) == (answer == 'P') && reader.Fails(known) == (answer == 'E'), about);
        for (int i = 0; i < 8; i++)
        {
            ForeseenCall call = Call(arguments, random.Next(1, 64));
            Assert.False((reader.Permits(call) && answer != 'P') || (reader.Fails(call) && answer != 'E'), $"{about}; read with {call}");
        }
    }

    private static ForeseenCall Call(ulong[] arguments, int unknown)
    {
        ulong?[] known = [.. arguments.Select((each, i) => (unknown >> i & 1) != 0 ? (ulong?)null : each)];
        return new("getppid", GetParent, known[0], known[1], known[2], known[3], known[4], known[5]);
    }

    // All other calls pass, so that the child can end. Two words of memory are written first, for the kernel refuses to read others.
    private static sock_filter[] MakeProgram(Random random)
    {
        List<sock_filter> code =
        [
            Op(Libc.BPF_LD | Libc.BPF_W | Libc.BPF_ABS, 0),
            Op(Libc.BPF_JMP | Libc.BPF_JEQ | Libc.BPF_K, GetParent, 1, 0),
            Op(Libc.BPF_RET | Libc.BPF_K, Libc.SECCOMP_RET_ALLOW),
            Op(Libc.BPF_ST, 0),
            Op(Libc.BPF_LD | Libc.BPF_W | Libc.BPF_ABS, 16),
            Op(Libc.BPF_ST, 1),
        ];
        int body = random.Next(2, 24);
        for (int left = body; left > 0; left--)
        {
            code.Add(MakeOp(random, left));
        }

        code.Add(MakeReturn(random));
        return [.. code];
    }

    private static sock_filter MakeOp(Random random, int left)
    {
        int kind = random.Next(12);
        int source = random.Next(2) == 0 ? Libc.BPF_K : Libc.BPF_X;
        return kind switch
        {
            < 3 => Op(Libc.BPF_LD | Libc.BPF_W | Libc.BPF_ABS, (uint)(16 + (4 * random.Next(12)))),
            3 => Op(random.Next(2) == 0 ? Libc.BPF_ST : Libc.BPF_STX, (uint)random.Next(2)),
            4 => Op((random.Next(2) == 0 ? Libc.BPF_LD : Libc.BPF_LDX) | (random.Next(2) == 0 ? Libc.BPF_MEM : 0), (uint)random.Next(2)),
            5 => Op(0x07 | (random.Next(2) * Libc.BPF_TXA), 0),
            6 or 7 => Op(Libc.BPF_ALU | (random.Next(11) << 4) | source, source == Libc.BPF_K ? (uint)random.Next(1, 32) : 0),
            8 => MakeReturn(random),
            _ => Op(
                Libc.BPF_JMP | (random.Next(1, 5) << 4) | source,
                Value(random),
                (byte)random.Next(Math.Min(left, 6)),
                (byte)random.Next(Math.Min(left, 6))),
        };
    }

    private static sock_filter MakeReturn(Random random) =>
        Op(Libc.BPF_RET | Libc.BPF_K, random.Next(2) == 0 ? Libc.SECCOMP_RET_ALLOW : Fails);

    private static uint Value(Random random) => s_values[random.Next(s_values.Length)];

    private static sock_filter Op(int code, uint k, byte taken = 0, byte otherwise = 0) =>
        new() { code = (ushort)code, k = k, jt = taken, jf = otherwise };
}
