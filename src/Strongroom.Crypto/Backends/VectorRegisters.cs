using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Strongroom.Crypto.Backends;

/// <summary>Overwrites vector registers from managed code.</summary>
/// <remarks>
/// What a kernel leaves in them does not stay there: the dynamic linker, the runtime's stubs and signal frames all save
/// vector registers on the stack, where keys and plaintext would lie for long. No intrinsic clears registers, but
/// sixteen values that must be alive at once fill sixteen registers, and on x86-64 the first sixteen are those that the
/// compiler gives out first; on Arm64 nobody has looked. Machine code for this would not work where executable memory is refused, which is one reason to be
/// here at all.
/// </remarks>
internal static class VectorRegisters
{
    private static readonly unsafe byte* s_zeros = (byte*)NativeMemory.AlignedAlloc(2 * 16 * 16, 64);

    static unsafe VectorRegisters()
    {
        NativeMemory.Clear(s_zeros, 2 * 16 * 16);
    }

    /// <summary>Overwrites the registers that managed vector code uses.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static unsafe void Clear()
    {
        unchecked
        {
            // SAFETY: the block has room for sixteen vectors to read and sixteen to write. Every load comes before the
            // first store, which the compiler must assume to change what later loads would see.
            byte* from = s_zeros;
            Vector128<byte> v0 = Vector128.Load(from);
            Vector128<byte> v1 = Vector128.Load(from + 16);
            Vector128<byte> v2 = Vector128.Load(from + 32);
            Vector128<byte> v3 = Vector128.Load(from + 48);
            Vector128<byte> v4 = Vector128.Load(from + 64);
            Vector128<byte> v5 = Vector128.Load(from + 80);
            Vector128<byte> v6 = Vector128.Load(from + 96);
            Vector128<byte> v7 = Vector128.Load(from + 112);
            Vector128<byte> v8 = Vector128.Load(from + 128);
            Vector128<byte> v9 = Vector128.Load(from + 144);
            Vector128<byte> v10 = Vector128.Load(from + 160);
            Vector128<byte> v11 = Vector128.Load(from + 176);
            Vector128<byte> v12 = Vector128.Load(from + 192);
            Vector128<byte> v13 = Vector128.Load(from + 208);
            Vector128<byte> v14 = Vector128.Load(from + 224);
            Vector128<byte> v15 = Vector128.Load(from + 240);
            byte* to = from + 256;
            v15.Store(to);
            v14.Store(to + 16);
            v13.Store(to + 32);
            v12.Store(to + 48);
            v11.Store(to + 64);
            v10.Store(to + 80);
            v9.Store(to + 96);
            v8.Store(to + 112);
            v7.Store(to + 128);
            v6.Store(to + 144);
            v5.Store(to + 160);
            v4.Store(to + 176);
            v3.Store(to + 192);
            v2.Store(to + 208);
            v1.Store(to + 224);
            v0.Store(to + 240);
        }
    }
}
