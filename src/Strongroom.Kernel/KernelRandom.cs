using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>Random bytes from the kernel's generator; getrandom(2), random(7).</summary>
/// <remarks>The framework's generator keeps its state, expanded AES keys among it, in memory of this process that root can read.</remarks>
internal static class KernelRandom
{
    private const int MostAtOnce = 256; // requests up to this size are never cut short

    /// <summary>Draws a number. As for <see cref="Fill"/>.</summary>
    internal static ulong NextUInt64()
    {
        ulong drawn = 0;
        Fill(MemoryMarshal.AsBytes(new Span<ulong>(ref drawn)));
        return drawn;
    }

    /// <summary>Draws a number. As for <see cref="Fill"/>.</summary>
    internal static uint NextUInt32() => unchecked((uint)NextUInt64());

    /// <summary>Fills memory. Blocks only until the generator was seeded once, early in the machine's start.</summary>
    /// <exception cref="KernelException">ENOSYS, or a filter refuses the call.</exception>
    internal static unsafe void Fill(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            Span<byte> piece = destination[..Math.Min(destination.Length, MostAtOnce)];
            fixed (byte* p = piece)
            {
                // SAFETY: the kernel writes at most piece.Length bytes to the pinned span.
                nint got = Libc.getrandom(p, (nuint)piece.Length, 0);
                if (got < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                {
                    throw new KernelException(Marshal.GetLastPInvokeError(), $"getrandom of {piece.Length} bytes");
                }

                destination = destination[(int)Math.Max(got, 0)..];
            }
        }
    }
}
