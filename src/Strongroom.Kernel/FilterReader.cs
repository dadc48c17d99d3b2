using System;
using System.Collections.Generic;

namespace Strongroom.Kernel;

/// <summary>A system call that is foreseen; null stands for an argument that is not known.</summary>
/// <param name="Name">Its name, for a sentence.</param>
/// <param name="Number">Its number, x86-64.</param>
/// <param name="A">The first argument.</param>
/// <param name="B">The second.</param>
/// <param name="C">The third.</param>
/// <param name="D">The fourth.</param>
/// <param name="E">The fifth.</param>
/// <param name="F">The sixth.</param>
internal sealed record ForeseenCall(
    string Name, int Number, ulong? A = null, ulong? B = null, ulong? C = null, ulong? D = null, ulong? E = null, ulong? F = null)
{
    /// <summary>Gets a word of what a filter is shown: struct seccomp_data, linux/seccomp.h, 64 bytes.</summary>
    /// <param name="offset">0 to 60, a multiple of 4.</param>
    internal uint? WordAt(uint offset)
    {
        ulong? argument = (offset / 8) switch { 2 => A, 3 => B, 4 => C, 5 => D, 6 => E, 7 => F, _ => null };
        return offset switch
        {
            0 => (uint)Number,
            4 => Libc.AUDIT_ARCH_X86_64,
            _ => (uint?)(offset % 8 == 0 ? argument & uint.MaxValue : argument >> 32), // null at 8 and 12: where the call is made
        };
    }
}

/// <summary>Tells what a seccomp(2) filter does with a foreseen call, whatever the arguments are that are not known: it goes every way through
/// the program that is open to them.</summary>
/// <remarks>Programs have been checked by the kernel: they go forward only and end (kernel/seccomp.c, seccomp_check_filter).</remarks>
internal sealed class FilterReader
{
    private const int MostSteps = 1 << 16;
    private const int MemoryWords = 16;
    private const uint DataBytes = 64; // struct seccomp_data
    private readonly sock_filter[] _code;

    /// <summary>Takes a program.</summary>
    internal FilterReader(sock_filter[] code) => _code = code;

    /// <summary>Tells whether a call passes, perhaps logged.</summary>
    internal bool Permits(ForeseenCall call) => EndsIn(call, static action => action is Libc.SECCOMP_RET_ALLOW or Libc.SECCOMP_RET_LOG);

    /// <summary>Tells whether a call fails with an errno.</summary>
    internal bool Fails(ForeseenCall call) => EndsIn(call, static action => action == Libc.SECCOMP_RET_ERRNO);

    private bool EndsIn(ForeseenCall call, Func<uint, bool> isExpected)
    {
        Stack<Way> open = [];
        open.Push(new(0, 0, 0, new uint?[MemoryWords]));
        for (int steps = 0; open.TryPop(out Way way); steps++)
        {
            if (steps == MostSteps || way.At >= _code.Length)
            {
                return false;
            }

            sock_filter op = _code[way.At];
            if (op.code == (Libc.BPF_ALU | Libc.BPF_DIV | Libc.BPF_X) && way.X is null or 0u)
            {
                return false; // a division by zero ends the program with 0, which kills
            }

            if ((op.code & 7) != Libc.BPF_RET)
            {
                Go(op, way with { At = way.At + 1 }, call, open);
            }
            else if (((op.code & Libc.BPF_A) != 0 ? way.A : op.k) is not { } action || !isExpected(action & Libc.SECCOMP_RET_ACTION_FULL))
            {
                return false;
            }
        }

        return true;
    }

    private static void Go(sock_filter op, Way next, ForeseenCall call, Stack<Way> open)
    {
        switch (op.code & 7)
        {
            case Libc.BPF_JMP:
                Jump(op, next, open);
                return;
            case Libc.BPF_LD:
                open.Push(next with { A = Load(op, next, call) });
                return;
            case Libc.BPF_LDX:
                open.Push(next with { X = Load(op, next, call) });
                return;
            case Libc.BPF_ST or Libc.BPF_STX:
                uint?[] memory = [.. next.Memory];
                memory[op.k] = (op.code & 7) == Libc.BPF_ST ? next.A : next.X;
                open.Push(next with { Memory = memory });
                return;
            case Libc.BPF_ALU:
                open.Push(next with { A = Calculate(op, next.A, (op.code & Libc.BPF_X) != 0 ? next.X : op.k) });
                return;
            default: // BPF_MISC
                open.Push((op.code & Libc.BPF_TXA) != 0 ? next with { A = next.X } : next with { X = next.A });
                return;
        }
    }

    private static uint? Load(sock_filter op, Way way, ForeseenCall call) => (op.code & 0xe0) switch
    {
        Libc.BPF_ABS => call.WordAt(op.k),
        Libc.BPF_MEM => way.Memory[op.k],
        Libc.BPF_LEN => DataBytes,
        _ => op.k, // BPF_IMM
    };

    private static void Jump(sock_filter op, Way next, Stack<Way> open)
    {
        int kind = op.code & 0xf0;
        if (kind == Libc.BPF_JA)
        {
            open.Push(next with { At = next.At + (int)op.k });
            return;
        }

        bool? isTaken = ((op.code & Libc.BPF_X) != 0 ? next.X : op.k) is not { } by || next.A is not { } a ? null : kind switch
        {
            Libc.BPF_JEQ => a == by,
            Libc.BPF_JGT => a > by,
            Libc.BPF_JGE => a >= by,
            _ => (a & by) != 0, // BPF_JSET
        };
        if (isTaken != false)
        {
            open.Push(next with { At = next.At + op.jt });
        }

        if (isTaken != true)
        {
            open.Push(next with { At = next.At + op.jf });
        }
    }

    private static uint? Calculate(sock_filter op, uint? left, uint? right)
    {
        if (left is not { } a || right is not { } b)
        {
            return null;
        }

        return unchecked((op.code & 0xf0) switch
        {
            Libc.BPF_ADD => a + b,
            Libc.BPF_SUB => a - b,
            Libc.BPF_MUL => a * b,
            Libc.BPF_DIV => a / b,
            Libc.BPF_OR => a | b,
            Libc.BPF_AND => a & b,
            Libc.BPF_LSH => a << (int)b,
            Libc.BPF_RSH => a >> (int)b,
            Libc.BPF_XOR => a ^ b,
            _ => 0 - a, // BPF_NEG
        });
    }

    /// <summary>A way through the program: the next instruction, the registers, the scratch memory.</summary>
    private readonly record struct Way(int At, uint? A, uint? X, uint?[] Memory);
}
