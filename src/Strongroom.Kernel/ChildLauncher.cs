using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Strongroom.Kernel;

/// <summary>Starts a program that waits, before its exec, until it is traced.</summary>
/// <remarks>
/// A managed process cannot fork: the child would be one thread of a runtime that needs many. posix_spawn(3) could not be stopped
/// before its exec. So the child is a clone that shares this memory, runs a dozen instructions of its own on its own stack, touches
/// nothing of the runtime, and execs. Source: clone(2), execve(2).
/// </remarks>
internal sealed unsafe class ChildLauncher : IDisposable
{
    private const int CloneVm = 0x100;
    private const int StackBytes = 16384;

    // SPEC_ALLOW: older kernels turn the mitigation of speculative store bypass on for whatever is behind a filter.
    private const int FilterFlags = Libc.SECCOMP_FILTER_FLAG_NEW_LISTENER | Libc.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
        | Libc.SECCOMP_FILTER_FLAG_SPEC_ALLOW;

    private const long NotYet = long.MinValue;
    private static readonly System.TimeSpan s_patience = System.TimeSpan.FromSeconds(10);

    private readonly MachineCode _code;
    private readonly Block* _block;
    private readonly List<nint> _strings = [];
    private readonly byte* _stack;

    /// <summary>Prepares one launch.</summary>
    /// <param name="path">The file to execute, as bytes of a path.</param>
    /// <param name="arguments">argv, argv[0] included.</param>
    /// <param name="environment">NAME=value strings.</param>
    /// <param name="filter">A seccomp filter to put the program behind; null for none.</param>
    internal ChildLauncher(
        byte[] path, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment, FilterProgram? filter = null)
    {
        _code = MachineCode.Load(MachineCode.Assemble(Write));

        // SAFETY: zeroed native memory, freed in Dispose, after the child has left it by exec or exit.
        _block = (Block*)NativeMemory.AllocZeroed((nuint)sizeof(Block));
        _stack = (byte*)NativeMemory.AllocZeroed(StackBytes);
        _block->Stack = _stack + StackBytes - 64;
        _block->Path = Native(path);
        _block->Arguments = NativeVector(arguments);
        _block->Environment = NativeVector(environment);
        _block->Listener = NotYet;
        if (filter is not null)
        {
            ReadOnlySpan<sock_filter> code = filter.Code;
            sock_filter* copy = (sock_filter*)NativeMemory.Alloc((nuint)code.Length, (nuint)sizeof(sock_filter));
            _strings.Add((nint)copy);
            code.CopyTo(new Span<sock_filter>(copy, code.Length));
            _block->Program = new() { len = (ushort)code.Length, filter = copy };
            _block->Filter = &_block->Program;
        }
    }

    /// <summary>Gets the errno of a failed exec; 0 before that and after success.</summary>
    internal int ExecErrno => -(int)_block->ExecResult;

    /// <summary>Gets the descriptor, in the child's table until it execs, of the filter's listener, or a negative errno.</summary>
    /// <remarks>Waits for the child to have installed the filter that it was made with.</remarks>
    internal int WaitForListener()
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Threading.Volatile.Read(ref _block->Listener) == NotYet)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > s_patience)
            {
                return -Libc.ESRCH; // it was killed
            }

            _ = System.Threading.Thread.Yield();
        }

        return (int)_block->Listener;
    }

    /// <summary>Makes the child. It waits for <see cref="Release"/>.</summary>
    /// <returns>Its process id.</returns>
    /// <exception cref="KernelException">EAGAIN or ENOMEM.</exception>
    internal int Start()
    {
        // Every signal is blocked over the clone, so that no handler of this runtime can run in the child. The child execs with
        // the mask that this thread had.
        ulong all = ulong.MaxValue;
        ulong before;

        // SAFETY: both masks are 8 bytes, as the size argument says. The code follows the C calling convention.
        _ = rt_sigprocmask(SIG_SETMASK, &all, &before);
        _block->SignalMask = before;
        long pid = ((delegate* unmanaged<Block*, long>)_code.Address)(_block);
        _ = rt_sigprocmask(SIG_SETMASK, &before, null);
        return pid > 0 ? (int)pid : throw new KernelException((int)-pid, "clone of the program's process");
    }

    /// <summary>Lets the child go on to its exec.</summary>
    internal void Release()
    {
        System.Threading.Volatile.Write(ref _block->Go, 1);
        _ = Libc.syscall(Libc.SYS_futex, (nint)(&_block->Go), FUTEX_WAKE, 1, 0, 0, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _code.Dispose();
        NativeMemory.Free(_block);
        NativeMemory.Free(_stack);
        foreach (nint s in _strings)
        {
            NativeMemory.Free((void*)s);
        }
    }

    private const nint FUTEX_WAKE = 1;
    private const int SIG_SETMASK = 2;

    private static int rt_sigprocmask(int how, ulong* set, ulong* old) =>
        (int)Libc.syscall(14, how, (nint)set, (nint)old, sizeof(ulong), 0, 0);

    // rdi: the block. Returns clone's result in the parent; never returns in the child.
    private static void Write(Assembler c)
    {
        Label start = c.CreateLabel();
        Label wait = c.CreateLabel();
        Label go = c.CreateLabel();
        c.push(rbx);
        c.mov(rbx, rdi);
        c.mov(eax, 56);                                   // clone(CLONE_VM | SIGCHLD, stack, 0, 0, 0)
        c.mov(edi, CloneVm | Libc.SIGCHLD);
        c.mov(rsi, __[rbx + Offset.Stack]);
        c.xor(edx, edx);
        c.xor(r10d, r10d);
        c.xor(r8d, r8d);
        c.syscall();
        c.test(rax, rax);
        c.jz(start);
        c.pop(rbx);
        c.ret();

        c.Label(ref start);
        c.mov(rdx, __[rbx + Offset.Filter]);
        c.test(rdx, rdx);
        c.jz(wait);
        c.mov(eax, Libc.SYS_seccomp);                     // seccomp(SECCOMP_SET_MODE_FILTER, flags, filter)
        c.mov(edi, Libc.SECCOMP_SET_MODE_FILTER);
        c.mov(esi, FilterFlags);
        c.syscall();
        c.mov(__[rbx + Offset.Listener], rax);

        c.Label(ref wait);
        c.mov(eax, __dword_ptr[rbx + Offset.Go]);
        c.test(eax, eax);
        c.jnz(go);
        c.mov(eax, Libc.SYS_futex);                       // futex(&go, FUTEX_WAIT, 0, NULL)
        c.lea(rdi, __[rbx + Offset.Go]);
        c.xor(esi, esi);
        c.xor(edx, edx);
        c.xor(r10d, r10d);
        c.syscall();
        c.jmp(wait);

        c.Label(ref go);
        c.mov(eax, 13);                                   // rt_sigaction(SIGPIPE, SIG_DFL): the runtime ignores it
        c.mov(edi, Libc.SIGPIPE);
        c.lea(rsi, __[rbx + Offset.DefaultAction]);
        c.xor(edx, edx);
        c.mov(r10d, 8);
        c.syscall();
        c.mov(eax, 14);                                   // rt_sigprocmask(SIG_SETMASK, mask)
        c.mov(edi, SIG_SETMASK);
        c.lea(rsi, __[rbx + Offset.SignalMask]);
        c.xor(edx, edx);
        c.mov(r10d, 8);
        c.syscall();
        c.mov(eax, 59);                                   // execve(path, argv, envp)
        c.mov(rdi, __[rbx + Offset.Path]);
        c.mov(rsi, __[rbx + Offset.Arguments]);
        c.mov(rdx, __[rbx + Offset.Environment]);
        c.syscall();
        c.mov(__[rbx + Offset.ExecResult], rax);
        c.mov(eax, 60);                                   // _exit(127)
        c.mov(edi, 127);
        c.syscall();
        c.ud2();
    }

    private byte* Native(byte[] text)
    {
        // SAFETY: one byte more than the text, zeroed, so it is NUL-terminated.
        byte* copy = (byte*)NativeMemory.AllocZeroed((nuint)text.Length + 1);
        text.CopyTo(new Span<byte>(copy, text.Length));
        _strings.Add((nint)copy);
        return copy;
    }

    private byte** NativeVector(IReadOnlyList<byte[]> texts)
    {
        // SAFETY: one pointer more than the texts, zeroed, so it is NULL-terminated.
        byte** vector = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Count + 1), (nuint)sizeof(byte*));
        _strings.Add((nint)vector);
        for (int i = 0; i < texts.Count; i++)
        {
            vector[i] = Native(texts[i]);
        }

        return vector;
    }

    private static class Offset
    {
        internal const int Stack = 0;
        internal const int Path = 8;
        internal const int Arguments = 16;
        internal const int Environment = 24;
        internal const int SignalMask = 32;
        internal const int ExecResult = 40;
        internal const int Go = 48;
        internal const int DefaultAction = 56;
        internal const int Filter = 88;
        internal const int Listener = 96;
    }

    // What parent and child share; the offsets above.
    [StructLayout(LayoutKind.Sequential)]
    private struct Block
    {
        internal byte* Stack;
        internal byte* Path;
        internal byte** Arguments;
        internal byte** Environment;
        internal ulong SignalMask;
        internal long ExecResult;
        internal int Go;
        internal int Padding;
        internal fixed ulong DefaultAction[4];
        internal sock_fprog* Filter;
        internal long Listener;
        internal sock_fprog Program;
    }
}
