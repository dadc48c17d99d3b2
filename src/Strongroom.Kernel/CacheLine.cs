using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Strongroom.Kernel;

/// <summary>Has the processor fetch memory into its cache while other work is done.</summary>
internal static class CacheLine
{
    /// <summary>Size of a line in bytes.</summary>
    internal const int Bytes = 64;

    /// <summary>Fetches all lines of some memory.</summary>
    /// <param name="memory">Begins and ends with a line.</param>
    internal static unsafe void Fetch(ReadOnlySpan<byte> memory)
    {
        if (Sse.IsSupported)
        {
            // SAFETY: as below.
            byte* line = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory));
            for (byte* end = line + memory.Length; line < end; line += Bytes)
            {
                Sse.Prefetch0(line);
            }
        }
    }

    /// <summary>Fetches the line in which a value begins.</summary>
    internal static unsafe void Fetch<T>(ref readonly T value)
        where T : struct
    {
        if (Sse.IsSupported)
        {
            // SAFETY: a prefetch reads nothing that the program sees and never fails, wherever the collector moves the object meanwhile.
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.AsRef(in value)));
        }
    }
}
