using Iced.Intel;
using Strongroom.Crypto.Backends;
using static Iced.Intel.AssemblerRegisters;

namespace Strongroom.Crypto.Machine;

/// <summary>
/// Kernels with 512-bit vectors: VAES, VPCLMULQDQ, AVX-512 F, DQ and BW. Eight vectors, 512 bytes, are in flight.
/// </summary>
/// <remarks>
/// Registers: keys in zmm0, scratch zmm1 to zmm3, zmm4 and zmm5 as the base says, T in zmm8 to 15, D in zmm16 to 23.
/// </remarks>
internal sealed class Avx512XtsAssembler : XtsAssembler
{
    private const byte Xor3 = 0x96; // the truth table of a ^ b ^ c

    private static readonly AssemblerRegisterZMM s_key = zmm0;
    private static readonly AssemblerRegisterZMM s_reduction = zmm5;
    private static readonly AssemblerRegisterZMM[] s_tweaks = [zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15];
    private static readonly AssemblerRegisterZMM[] s_data = [zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23];

    /// <inheritdoc/>
    protected override int VectorBytes => 64;

    /// <inheritdoc/>
    protected override int Vectors => 8;

    /// <inheritdoc/>
    protected override void LoadReduction() =>
        Code.vbroadcasti32x4(s_reduction, __xmmword_ptr[Constants + ReductionOffset]);

    /// <inheritdoc/>
    protected override void SpreadTweak()
    {
        Code.vshufi32x4(zmm2, zmm4, zmm4, 0);
        for (int i = 0; i < Vectors; i++)
        {
            Code.vpsrlvq(zmm3, zmm2, __zmmword_ptr[Constants + RightShifts + (64 * i)]);
            Code.vpsllvq(s_tweaks[i], zmm2, __zmmword_ptr[Constants + LeftShifts + (64 * i)]);
            Code.vpclmulqdq(s_data[i], zmm3, s_reduction, 0x01);
            Code.vpslldq(zmm3, zmm3, 8);
            Code.vpternlogd(s_tweaks[i], zmm3, s_data[i], Xor3);
        }
    }

    /// <inheritdoc/>
    protected override void LoadAndWhiten(int firstKeyOffset)
    {
        LoadKey(firstKeyOffset);
        for (int i = 0; i < Vectors; i++)
        {
            Code.vmovdqa64(s_data[i], s_tweaks[i]);
            Code.vpternlogd(s_data[i], s_key, __zmmword_ptr[Source + (64 * i)], Xor3);
        }
    }

    /// <inheritdoc/>
    protected override void Round(int keyOffset, XtsDirection direction)
    {
        LoadKey(keyOffset);
        foreach (AssemblerRegisterZMM data in s_data)
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
            Code.vpxord(zmm1, s_tweaks[i], s_key);
            if (direction == XtsDirection.Encrypt)
            {
                Code.vaesenclast(s_data[i], s_data[i], zmm1);
            }
            else
            {
                Code.vaesdeclast(s_data[i], s_data[i], zmm1);
            }

            Code.vmovdqu64(__zmmword_ptr[Destination + (64 * i)], s_data[i]);

            // T[i] * alpha^32: four whole bytes.
            Code.vpsrldq(zmm2, s_tweaks[i], 12);
            Code.vpclmulqdq(zmm2, zmm2, s_reduction, 0x00);
            Code.vpslldq(s_tweaks[i], s_tweaks[i], 4);
            Code.vpxord(s_tweaks[i], s_tweaks[i], zmm2);
        }
    }

    /// <inheritdoc/>
    protected override void ClearVectors()
    {
        foreach (AssemblerRegisterZMM data in s_data)
        {
            Code.vpxord(data, data, data);
        }

        Code.vzeroall(); // registers 0 to 15, all their bits; 24 to 31 were never used
    }

    private void LoadKey(int offset) => Code.vbroadcasti32x4(s_key, __xmmword_ptr[Schedule + offset]);
}
