using System;
using System.Buffers.Binary;
using System.Collections.Generic;

namespace Strongroom.Kernel;

/// <summary>Classic BPF programs for seccomp(2), written as tests one after the other.</summary>
/// <remarks>
/// Of a system call's number and architecture alone, whatever the program returns is remembered by the kernel in a bitmap (Linux 5.11,
/// kernel/seccomp.c, seccomp_cache_prepare): calls that no test with an argument concerns do not run the program at all.
/// </remarks>
internal sealed class FilterProgram
{
    /// <summary>The length of one instruction.</summary>
    internal const int InstructionBytes = 8;

    private const int OffsetOfNumber = 0;
    private const int OffsetOfArchitecture = 4;
    private const int OffsetOfArguments = 16;
    private readonly List<sock_filter> _code = [];

    /// <summary>Begins a program.</summary>
    /// <param name="others">The action for every call of another architecture than x86-64.</param>
    internal FilterProgram(uint others = Libc.SECCOMP_RET_ALLOW)
    {
        Load(OffsetOfArchitecture);
        Jump(Libc.AUDIT_ARCH_X86_64, 1, 0);
        Return(others);
        Load(OffsetOfNumber);
    }

    /// <summary>Gets the program.</summary>
    internal ReadOnlySpan<sock_filter> Code => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_code);

    /// <summary>Returns an action for a call.</summary>
    internal void On(int number, uint action)
    {
        Jump(unchecked((uint)number), 0, 1);
        Return(action);
    }

    /// <summary>Returns an action for a call, unless its sixth argument is a given number; then the call is allowed.</summary>
    internal void OnUnlessSixth(int number, ulong sixth, uint action)
    {
        Jump(unchecked((uint)number), 0, 6);
        ReturnUnlessSixth(sixth, action);
    }

    /// <summary>Returns an action for a call whose first argument is one of the given; with others the call is allowed.</summary>
    internal void OnFirst(int number, ReadOnlySpan<uint> firsts, uint action) => OnArgument(number, 0, firsts, action);

    /// <summary>Returns an action for a call of which an argument has some of the given bits; without them the call is allowed.</summary>
    /// <param name="number">The call.</param>
    /// <param name="argument">0 to 5.</param>
    /// <param name="bits">Of the argument's low half.</param>
    /// <param name="action">The action.</param>
    internal void OnBits(int number, int argument, uint bits, uint action)
    {
        Jump(unchecked((uint)number), 0, 4);
        Load(OffsetOfArguments + (8 * argument));
        JumpIfAny(bits, 0, 1);
        Return(action);
        Return(Libc.SECCOMP_RET_ALLOW);
    }

    /// <summary>Does as <see cref="OnBits"/>, unless the call's sixth argument is a given number; then the call is allowed.</summary>
    internal void OnBitsUnlessSixth(int number, int argument, uint bits, ulong sixth, uint action)
    {
        Jump(unchecked((uint)number), 0, 8);
        Load(OffsetOfArguments + (8 * argument));
        JumpIfAny(bits, 0, 4); // to where the call is allowed
        ReturnUnlessSixth(sixth, action);
    }

    /// <summary>Returns an action for a call whose second argument is a given one and whose third has some of the given bits.</summary>
    internal void OnSecondAndBits(int number, uint second, uint bits, uint action)
    {
        Jump(unchecked((uint)number), 0, 6);
        Load(OffsetOfArguments + 8);
        Jump(second, 0, 3);
        Load(OffsetOfArguments + 16);
        JumpIfAny(bits, 0, 1);
        Return(action);
        Return(Libc.SECCOMP_RET_ALLOW);
    }

    /// <summary>Returns an action for mmap(2) of a file, shared, unless the upper half of its descriptor is a given number.</summary>
    /// <remarks>The kernel looks at the lower half alone: ksys_mmap_pgoff, mm/mmap.c.</remarks>
    internal void OnSharedFileMapping(int number, uint pass, uint action)
    {
        Jump(unchecked((uint)number), 0, 7);
        Load(OffsetOfArguments + (8 * 3));
        JumpIfAny(Libc.MAP_SHARED, 0, 4);
        JumpIfAny(Libc.MAP_ANONYMOUS, 3, 0);
        Load(OffsetOfArguments + (8 * 4) + 4);
        Jump(pass, 1, 0);
        Return(action);
        Return(Libc.SECCOMP_RET_ALLOW);
    }

    /// <summary>Returns an action for a call whose second argument is one of the given; with others the call is allowed.</summary>
    internal void OnSecond(int number, ReadOnlySpan<uint> seconds, uint action) => OnArgument(number, 1, seconds, action);

    /// <summary>Returns an action for a call whose second argument is a given one, unless its sixth is a given number; then the call is
    /// allowed. With others the tests go on.</summary>
    internal void OnSecondUnlessSixth(int number, uint second, ulong sixth, uint action)
    {
        Jump(unchecked((uint)number), 0, 9);
        Load(OffsetOfArguments + 8);
        Jump(second, 0, 6);
        ReturnUnlessSixth(sixth, action);
        Load(OffsetOfNumber);
    }

    /// <summary>Ends the program.</summary>
    internal void Otherwise(uint action) => Return(action);

    /// <summary>Writes the program as the kernel reads it, behind a struct sock_fprog that points to it.</summary>
    /// <param name="address">Where the bytes will lie.</param>
    internal byte[] ToBytes(ulong address)
    {
        byte[] bytes = new byte[16 + (_code.Count * InstructionBytes)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)_code.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), address + 16);
        for (int i = 0; i < _code.Count; i++)
        {
            Span<byte> at = bytes.AsSpan(16 + (i * InstructionBytes));
            BinaryPrimitives.WriteUInt16LittleEndian(at, _code[i].code);
            at[2] = _code[i].jt;
            at[3] = _code[i].jf;
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], _code[i].k);
        }

        return bytes;
    }

    private void OnArgument(int number, int argument, ReadOnlySpan<uint> values, uint action)
    {
        Jump(unchecked((uint)number), 0, checked((byte)(2 + (2 * values.Length))));
        Load(OffsetOfArguments + (8 * argument));
        foreach (uint value in values)
        {
            Jump(value, 0, 1);
            Return(action);
        }

        Return(Libc.SECCOMP_RET_ALLOW);
    }

    // Six instructions, of which the fifth allows the call.
    private void ReturnUnlessSixth(ulong sixth, uint action)
    {
        Load(OffsetOfArguments + 40);
        Jump((uint)(sixth & uint.MaxValue), 0, 3);
        Load(OffsetOfArguments + 44);
        Jump((uint)(sixth >> 32), 0, 1);
        Return(Libc.SECCOMP_RET_ALLOW);
        Return(action);
    }

    private void Load(int offset) => _code.Add(new() { code = Libc.BPF_LD | Libc.BPF_W | Libc.BPF_ABS, k = (uint)offset });

    private void Jump(uint equal, byte then, byte otherwise) =>
        _code.Add(new() { code = Libc.BPF_JMP | Libc.BPF_JEQ | Libc.BPF_K, jt = then, jf = otherwise, k = equal });

    private void JumpIfAny(uint bits, byte then, byte otherwise) =>
        _code.Add(new() { code = Libc.BPF_JMP | Libc.BPF_JSET | Libc.BPF_K, jt = then, jf = otherwise, k = bits });

    private void Return(uint action) => _code.Add(new() { code = Libc.BPF_RET | Libc.BPF_K, k = action });
}
