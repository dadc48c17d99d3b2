using Iced.Intel;
using Strongroom.Crypto.Backends;
using static Iced.Intel.AssemblerRegisters;

namespace Strongroom.Crypto.Machine;

/// <summary>
/// Kernels with 256-bit vectors: VAES, VPCLMULQDQ and AVX2, without AVX-512. Four vectors, 128 bytes, are in flight.
/// </summary>
/// <remarks>
/// Registers: keys in ymm0, scratch ymm1 to ymm3, ymm4 and ymm5 as the base says, T in ymm8 to 11, D in ymm12 to 15.
/// Iterations depend on each other only through T, so the processor overlaps them.
/// </remarks>
internal sealed class Avx2XtsAssembler : XtsAssembler
{
    private static readonly AssemblerRegisterYMM s_key = ymm0;
    private static readonly AssemblerRegisterYMM s_reduction = ymm5;
    private static readonly AssemblerRegisterYMM[] s_tweaks = [ymm8, ymm9, ymm10, ymm11];
    private static readonly AssemblerRegisterYMM[] s_data = [ymm12, ymm13, ymm14, ymm15];

    /// <inheritdoc/>
    protected override int VectorBytes => 32;

    /// <inheritdoc/>
    protected override int Vectors => 4;

    /// <inheritdoc/>
    protected override void LoadReduction() =>
        Code.vbroadcasti128(s_reduction, __xmmword_ptr[Constants + ReductionOffset]);

    /// <inheritdoc/>
    protected override void SpreadTweak()
    {
        Code.vinserti128(ymm2, ymm4, xmm4, 1);
        for (int i = 0; i < Vectors; i++)
        {
            Code.vpsrlvq(ymm3, ymm2, __ymmword_ptr[Constants + RightShifts + (32 * i)]);
            Code.vpsllvq(s_tweaks[i], ymm2, __ymmword_ptr[Constants + LeftShifts + (32 * i)]);
            Code.vpclmulqdq(s_data[i], ymm3, s_reduction, 0x01);
            Code.vpslldq(ymm3, ymm3, 8);
            Code.vpxor(s_tweaks[i], s_tweaks[i], ymm3);
            Code.vpxor(s_tweaks[i], s_tweaks[i], s_data[i]);
        }
    }

    /// <inheritdoc/>
    protected override void LoadAndWhiten(int firstKeyOffset)
    {
        LoadKey(firstKeyOffset);
        for (int i = 0; i < Vectors; i++)
        {
            Code.vpxor(s_data[i], s_tweaks[i], __ymmword_ptr[Source + (32 * i)]);
            Code.vpxor(s_data[i], s_data[i], s_key);
        }
    }

    /// <inheritdoc/>
    protected override void Round(int keyOffset, XtsDirection direction)
    {
        LoadKey(keyOffset);
        foreach (AssemblerRegisterYMM data in s_data)
        {
            if (direction == XtsDirection.Encrypt)
            {
                Code.vaesenc(data, data, s_key);
            }
            else
            {
                Code.vaesdec(data, data, s_key);
            }
        }
    }

    /// <inheritdoc/>
    protected override void LastRoundStoreAndStep(int keyOffset, XtsDirection direction)
    {
        LoadKey(keyOffset);
        for (int i = 0; i < Vectors; i++)
        {
            // The second whitening rides on the last round key, off the critical path.
            Code.vpxor(ymm1, s_tweaks[i], s_key);
            if (direction == XtsDirection.Encrypt)
            {
                Code.vaesenclast(s_data[i], s_data[i], ymm1);
            }
            else
            {
                Code.vaesdeclast(s_data[i], s_data[i], ymm1);
            }

            Code.vmovdqu(__ymmword_ptr[Destination + (32 * i)], s_data[i]);

            // T[i] * alpha^8: one whole byte.
            Code.vpsrldq(ymm2, s_tweaks[i], 15);
            Code.vpclmulqdq(ymm2, ymm2, s_reduction, 0x00);
            Code.vpslldq(s_tweaks[i], s_tweaks[i], 1);
            Code.vpxor(s_tweaks[i], s_tweaks[i], ymm2);
        }
    }

    /// <inheritdoc/>
    protected override void ClearVectors() => Code.vzeroall(); // registers 0 to 15 are all that these kernels use

    private void LoadKey(int offset) => Code.vbroadcasti128(s_key, __xmmword_ptr[Schedule + offset]);
}
