using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Strongroom.Kernel;

namespace Strongroom.Crypto.Machine;

/// <summary>Pages of machine code: written first, executable after, never both.</summary>
internal sealed class CodeMemory : SafeHandleMinusOneIsInvalid
{
    private readonly nuint _lengthBytes; // immutable

    private CodeMemory(nint address, nuint lengthBytes)
        : base(ownsHandle: true)
    {
        SetHandle(address);
        _lengthBytes = lengthBytes;
    }

    /// <summary>Gets the address of the first byte; page-aligned, valid until the owner disposes this.</summary>
    internal nint Address => handle;

    /// <summary>Maps a copy of machine code.</summary>
    /// <param name="code">Position-independent code and its constants.</param>
    /// <param name="reason">Why there is no mapping, as a clause; empty on success.</param>
    /// <returns>
    /// The mapping, or null where the kernel or its policy (SELinux execmem, for example) refuses executable memory.
    /// </returns>
    internal static CodeMemory? TryMap(ReadOnlySpan<byte> code, out string reason) =>
        TryMap(code, Libc.PROT_EXEC, out reason);

    /// <summary>
    /// Maps a copy of machine code with a given final protection, so that tests can provoke a refusal.
    /// </summary>
    internal static unsafe CodeMemory? TryMap(ReadOnlySpan<byte> code, int protection, out string reason)
    {
        nuint length = (nuint)code.Length;
        const int Flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS;

        // SAFETY: a fresh mapping at a place of the kernel's choice, `length` bytes long, written only inside.
        void* at = Libc.mmap(null, length, Libc.PROT_READ | Libc.PROT_WRITE, Flags, -1, 0);
        if (Libc.IsMapFailed(at))
        {
            reason = $"mmap of {length} bytes failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
            return null;
        }

        CodeMemory memory = new((nint)at, length);
        code.CopyTo(new Span<byte>(at, code.Length));
        if (Libc.mprotect(at, length, Libc.PROT_READ | protection) != 0)
        {
            reason = $"executable memory is refused: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
            memory.Dispose();
            return null;
        }

        reason = string.Empty;
        return memory;
    }

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle() => Libc.munmap((void*)handle, _lengthBytes) == 0;
}
