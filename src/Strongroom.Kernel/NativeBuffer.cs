using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>Pages of this process outside the managed heap, so that no collector copies what is read into them.</summary>
internal sealed class NativeBuffer : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>Maps zeroed pages.</summary>
    /// <param name="lengthBytes">Usable length, at least 1; the mapping is rounded up to whole pages.</param>
    /// <exception cref="KernelException">ENOMEM.</exception>
    internal unsafe NativeBuffer(int lengthBytes)
        : base(ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lengthBytes, 1);
        LengthBytes = lengthBytes;
        void* memory = Libc.mmap(
            null, (nuint)lengthBytes, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        if (Libc.IsMapFailed(memory))
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), $"mmap of {lengthBytes} bytes");
        }

        SetHandle((nint)memory);
    }

    /// <summary>Gets the usable length in bytes.</summary>
    internal int LengthBytes { get; }

    /// <summary>Gets the addresses of the whole pages.</summary>
    internal AddressRange Range => AddressRange.FromLength(
        new VirtualAddress((ulong)handle), (ulong)(LengthBytes + PageNumber.SizeBytes - 1) & ~(ulong)(PageNumber.SizeBytes - 1));

    /// <summary>Gets the bytes. They must not be used after this object is disposed.</summary>
    internal unsafe Span<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);

            // SAFETY: the constructor mapped LengthBytes at `handle`, and only ReleaseHandle unmaps them.
            return new Span<byte>((void*)handle, LengthBytes);
        }
    }

    /// <inheritdoc/>
    protected override unsafe bool ReleaseHandle()
    {
        // SAFETY: the mapping is this object's own; munmap rounds the length up as mmap did.
        new Span<byte>((void*)handle, LengthBytes).Clear();
        return Libc.munmap((void*)handle, (nuint)LengthBytes) == 0;
    }
}
