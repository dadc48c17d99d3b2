using Iced.Intel;

namespace Strongroom.Crypto.Machine;

/// <summary>One width of vector registers: how many are used, and the instructions on them.</summary>
/// <remarks>Every instruction works on each 128-bit lane by itself. Thread safety: immutable.</remarks>
internal sealed class VectorWidth
{
    /// <summary>256-bit vectors: VAES, VPCLMULQDQ and AVX2. 128 bytes are in flight.</summary>
    internal static VectorWidth Avx2 { get; } = new()
    {
        VectorBytes = 32,
        Vectors = 4,
        Zero = Register.YMM0,
        Broadcast = Code.VEX_Vbroadcasti128_ymm_m128,
        PickLanes = Code.VEX_Vperm2i128_ymm_ymm_ymmm256_imm8,
        Store = Code.VEX_Vmovdqu_ymmm256_ymm,
        Copy = Code.VEX_Vmovdqa_ymm_ymmm256,
        Xor = Code.VEX_Vpxor_ymm_ymm_ymmm256,
        TernaryLogic = Code.INVALID,
        ShiftLeftEach = Code.VEX_Vpsllvq_ymm_ymm_ymmm256,
        ShiftRightEach = Code.VEX_Vpsrlvq_ymm_ymm_ymmm256,
        ShiftLeftBytes = Code.VEX_Vpslldq_ymm_ymm_imm8,
        ShiftRightBytes = Code.VEX_Vpsrldq_ymm_ymm_imm8,
        MultiplyCarryless = Code.VEX_Vpclmulqdq_ymm_ymm_ymmm256_imm8,
        Encrypt = Code.VEX_Vaesenc_ymm_ymm_ymmm256,
        EncryptLast = Code.VEX_Vaesenclast_ymm_ymm_ymmm256,
        Decrypt = Code.VEX_Vaesdec_ymm_ymm_ymmm256,
        DecryptLast = Code.VEX_Vaesdeclast_ymm_ymm_ymmm256,
    };

    /// <summary>512-bit vectors: VAES, VPCLMULQDQ and AVX-512 F, DQ and BW. 512 bytes are in flight.</summary>
    internal static VectorWidth Avx512 { get; } = new()
    {
        VectorBytes = 64,
        Vectors = 8,
        Zero = Register.ZMM0,
        Broadcast = Code.EVEX_Vbroadcasti32x4_zmm_k1z_m128,
        PickLanes = Code.EVEX_Vshufi32x4_zmm_k1z_zmm_zmmm512b32_imm8,
        Store = Code.EVEX_Vmovdqu64_zmmm512_k1z_zmm,
        Copy = Code.EVEX_Vmovdqa64_zmm_k1z_zmmm512,
        Xor = Code.EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
        TernaryLogic = Code.EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8,
        ShiftLeftEach = Code.EVEX_Vpsllvq_zmm_k1z_zmm_zmmm512b64,
        ShiftRightEach = Code.EVEX_Vpsrlvq_zmm_k1z_zmm_zmmm512b64,
        ShiftLeftBytes = Code.EVEX_Vpslldq_zmm_zmmm512_imm8,
        ShiftRightBytes = Code.EVEX_Vpsrldq_zmm_zmmm512_imm8,
        MultiplyCarryless = Code.EVEX_Vpclmulqdq_zmm_zmm_zmmm512_imm8,
        Encrypt = Code.EVEX_Vaesenc_zmm_zmm_zmmm512,
        EncryptLast = Code.EVEX_Vaesenclast_zmm_zmm_zmmm512,
        Decrypt = Code.EVEX_Vaesdec_zmm_zmm_zmmm512,
        DecryptLast = Code.EVEX_Vaesdeclast_zmm_zmm_zmmm512,
    };

    /// <summary>Gets the number of bytes in a register.</summary>
    internal required int VectorBytes { get; init; }

    /// <summary>Gets the number of data vectors in flight, as many as fit with a tweak for each.</summary>
    internal required int Vectors { get; init; }

    /// <summary>Gets the bytes in flight.</summary>
    internal int WideBytes => VectorBytes * Vectors;

    /// <summary>Gets register number 0.</summary>
    internal required Register Zero { get; init; }

    /// <summary>Gets: every lane = 16 bytes of memory.</summary>
    internal required Code Broadcast { get; init; }

    /// <summary>Gets: lanes of two registers; with the immediate 0, the lowest lane of the first and of the second.</summary>
    internal required Code PickLanes { get; init; }

    /// <summary>Gets: memory at any alignment = a register.</summary>
    internal required Code Store { get; init; }

    /// <summary>Gets: a register = a register.</summary>
    internal required Code Copy { get; init; }

    /// <summary>Gets: destination = a ^ b.</summary>
    internal required Code Xor { get; init; }

    /// <summary>Gets: destination = any function of destination, a and b; invalid where there is none.</summary>
    internal required Code TernaryLogic { get; init; }

    /// <summary>Gets: each 64 bits shifted left by a count of its own.</summary>
    internal required Code ShiftLeftEach { get; init; }

    /// <summary>Gets: each 64 bits shifted right by a count of its own.</summary>
    internal required Code ShiftRightEach { get; init; }

    /// <summary>Gets: each 128 bits shifted left by whole bytes.</summary>
    internal required Code ShiftLeftBytes { get; init; }

    /// <summary>Gets: each 128 bits shifted right by whole bytes.</summary>
    internal required Code ShiftRightBytes { get; init; }

    /// <summary>
    /// Gets: the carry-less product of a half of each 128 bits of a and one of b; bit 0 of the immediate picks the high
    /// half of a, bit 4 that of b.
    /// </summary>
    internal required Code MultiplyCarryless { get; init; }

    /// <summary>Gets: an inner round of encryption.</summary>
    internal required Code Encrypt { get; init; }

    /// <summary>Gets: the last round of encryption.</summary>
    internal required Code EncryptLast { get; init; }

    /// <summary>Gets: an inner round of decryption.</summary>
    internal required Code Decrypt { get; init; }

    /// <summary>Gets: the last round of decryption.</summary>
    internal required Code DecryptLast { get; init; }
}
