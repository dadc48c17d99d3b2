using System;
using System.IO;
using System.Runtime.InteropServices;
using Iced.Intel;
using Microsoft.Win32.SafeHandles;

namespace Strongroom.Kernel;

/// <summary>Machine code in memory that is never writable and executable at once.</summary>
internal sealed class MachineCode : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly nuint _lengthBytes;

    private MachineCode(nint address, nuint lengthBytes)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        _lengthBytes = lengthBytes;
    }

    /// <summary>Gets the address of the first instruction; valid while the caller keeps this object alive.</summary>
    internal nint Address => handle;

    /// <summary>Assembles position-independent code to bytes.</summary>
    internal static byte[] Assemble(Action<Assembler> write)
    {
        Assembler assembler = new(bitness: 64);
        write(assembler);
        using MemoryStream stream = new();
        _ = assembler.Assemble(new StreamCodeWriter(stream), rip: 0);
        return stream.ToArray();
    }

    /// <summary>Maps code for execution.</summary>
    /// <exception cref="KernelException">EACCES or EPERM: a security policy refuses executable mappings; ENOMEM.</exception>
    internal static unsafe MachineCode Load(ReadOnlySpan<byte> code)
    {
        nuint length = ((nuint)code.Length + 4095) & ~(nuint)4095;
        void* address = Libc.mmap(
            null, length, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        if ((nint)address == -1)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "mmap of memory for code");
        }

        MachineCode result = new((nint)address, length);

        // SAFETY: the mapping is writable, `length` >= code.Length, and nobody else knows it yet.
        code.CopyTo(new Span<byte>(address, code.Length));
        if (Libc.mprotect(address, length, Libc.PROT_READ | Libc.PROT_EXEC) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            result.Dispose();
            throw new KernelException(errno, "mprotect of code to executable");
        }

        return result;
    }

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle() => Libc.munmap((void*)handle, _lengthBytes) == 0;
}
