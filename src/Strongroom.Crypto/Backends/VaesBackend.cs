using System.Runtime.Intrinsics.X86;
using Strongroom.Core;
using Strongroom.Crypto.Machine;
using Strongroom.Kernel;

namespace Strongroom.Crypto.Backends;

/// <summary>
/// AES-XTS in assembled machine code, with the 256- or 512-bit AES instructions that .NET does not expose.
/// </summary>
internal sealed class VaesBackend : XtsBackend
{
    private readonly CodeMemory _memory; // immutable; lives as long as the process, like the backend
    private readonly nint[] _kernels;    // immutable; by XtsAssembler.EntryIndex

    private VaesBackend(string name, CodeMemory memory, int[] entries)
    {
        Name = name;
        _memory = memory;
        _kernels = System.Array.ConvertAll(entries, offset => memory.Address + offset);
    }

    /// <inheritdoc/>
    internal override string Name { get; }

    /// <summary>Makes the 512-bit backend.</summary>
    /// <param name="reason">Why not, as a clause; empty on success.</param>
    internal static VaesBackend? TryMake512(out string reason)
    {
        if (!HasVectorAes() || !HasAvx512())
        {
            reason = "the processor or the system has no AVX-512 with VAES and VPCLMULQDQ";
            return null;
        }

        return TryMake("vaes512", VectorWidth.Avx512, out reason);
    }

    /// <summary>Makes the 256-bit backend.</summary>
    /// <param name="reason">Why not, as a clause; empty on success.</param>
    internal static VaesBackend? TryMake256(out string reason)
    {
        if (!HasVectorAes() || !HasAvx2())
        {
            reason = "the processor or the system has no AVX2 with VAES and VPCLMULQDQ";
            return null;
        }

        return TryMake("vaes256", VectorWidth.Avx2, out reason);
    }

    /// <inheritdoc/>
    internal override unsafe void Expand(MemoryAlgorithm algorithm, byte* raw, byte* schedule) =>
        KeyExpansion.Expand<X86Encryption, X86Decryption>(algorithm, raw, schedule);

    /// <inheritdoc/>
    internal override unsafe void Process(MemoryAlgorithm algorithm, XtsDirection direction, XtsCall* call)
    {
        // SAFETY: the kernel is a C function of this signature, in memory that is never unmapped; it reads and writes
        // what the call describes, which XtsKey has checked, and the schedule. It runs in preemptive mode, so that it
        // neither delays a garbage collection nor gets the runtime's suspension signal, whose frame would hold its
        // registers.
        ((delegate* unmanaged<XtsCall*, void>)_kernels[XtsAssembler.EntryIndex(algorithm, direction)])(call);
    }

    private static VaesBackend? TryMake(string name, VectorWidth width, out string reason)
    {
        (byte[] code, int[] entries) = new XtsAssembler(width).Assemble();
#pragma warning disable CA2000 // the backend owns the code and lives as long as the process
        CodeMemory? memory = CodeMemory.TryMap(code, out reason);
#pragma warning restore CA2000
        return memory is null ? null : new VaesBackend(name, memory, entries);
    }

    // CPUID leaf 7, ECX: bit 9 VAES, bit 10 VPCLMULQDQ (Intel SDM volume 2, CPUID). .NET has no property for them.
    private static bool HasVectorAes()
    {
        const int Both = (1 << 9) | (1 << 10);
        return Aes.IsSupported && X86Base.CpuId(0, 0).Eax >= 7
            && (X86Base.CpuId(7, 0).Ecx & Both) == Both;
    }

    // The kernels are machine code of our own, so it does not matter which instructions the compiler of this code was allowed: what
    // .NET says holds where it says yes, and compiled ahead of time it says no to whatever it was not told of. EBX: bit 5 AVX2.
    private static bool HasAvx2() => Avx2.IsSupported || Has(1 << 5, savedRegisters: 0b100);

    // EBX: bits 16, 17 and 30, AVX-512 F, DQ and BW. XCR0: mask registers, upper halves, and registers 16 to 31.
    private static bool HasAvx512() =>
        (Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported)
        || Has((1 << 16) | (1 << 17) | (1 << 30), savedRegisters: 0b1110_0100);

    private static bool Has(int instructions, ulong savedRegisters) =>
        (X86Base.CpuId(7, 0).Ebx & instructions) == instructions
        && (OwnProcess.SavedRegisters() & savedRegisters) == savedRegisters;
}
