using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Strongroom.Crypto.Backends;

/// <summary>Sixteen AES states as eight bit planes: plane j holds bit j of every byte.</summary>
/// <remarks>
/// Each of the four 64-bit lanes of a plane holds four blocks. The bit of row r and column c of block b lies at
/// <code>
///   bit 16 * r + 4 * c + b
/// </code>
/// so that ShiftRows rotates 16-bit groups and MixColumns rotates lanes. Every method is optimized from its first call.
/// Nothing here branches on data or indexes memory with it, so time does not depend on keys or plaintext.
/// </remarks>
internal struct BitslicedState
{
    /// <summary>Bit j of every byte.</summary>
    public Vector256<ulong> P0, P1, P2, P3, P4, P5, P6, P7;

    /// <summary>ShiftRows and SubBytes: FIPS 197, 5.1.1 and 5.1.2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void SubBytesAndShiftRows()
    {
        Invert();

        // The affine map: b[i] ^ b[i + 4] ^ b[i + 5] ^ b[i + 6] ^ b[i + 7] ^ bit i of 0x63.
        (Vector256<ulong> a0, Vector256<ulong> a1, Vector256<ulong> a2, Vector256<ulong> a3) = (P0, P1, P2, P3);
        (Vector256<ulong> a4, Vector256<ulong> a5, Vector256<ulong> a6, Vector256<ulong> a7) = (P4, P5, P6, P7);
        P0 = ShiftRows(~(a0 ^ a4 ^ a5 ^ a6 ^ a7));
        P1 = ShiftRows(~(a1 ^ a5 ^ a6 ^ a7 ^ a0));
        P2 = ShiftRows(a2 ^ a6 ^ a7 ^ a0 ^ a1);
        P3 = ShiftRows(a3 ^ a7 ^ a0 ^ a1 ^ a2);
        P4 = ShiftRows(a4 ^ a0 ^ a1 ^ a2 ^ a3);
        P5 = ShiftRows(~(a5 ^ a1 ^ a2 ^ a3 ^ a4));
        P6 = ShiftRows(~(a6 ^ a2 ^ a3 ^ a4 ^ a5));
        P7 = ShiftRows(a7 ^ a3 ^ a4 ^ a5 ^ a6);
    }

    /// <summary>InvShiftRows and InvSubBytes: FIPS 197, 5.3.1 and 5.3.2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void InverseSubBytesAndShiftRows()
    {
        // The inverse affine map: b[i + 2] ^ b[i + 5] ^ b[i + 7] ^ bit i of 0x05.
        (Vector256<ulong> a0, Vector256<ulong> a1, Vector256<ulong> a2, Vector256<ulong> a3) = (P0, P1, P2, P3);
        (Vector256<ulong> a4, Vector256<ulong> a5, Vector256<ulong> a6, Vector256<ulong> a7) = (P4, P5, P6, P7);
        P0 = InverseShiftRows(~(a2 ^ a5 ^ a7));
        P1 = InverseShiftRows(a3 ^ a6 ^ a0);
        P2 = InverseShiftRows(~(a4 ^ a7 ^ a1));
        P3 = InverseShiftRows(a5 ^ a0 ^ a2);
        P4 = InverseShiftRows(a6 ^ a1 ^ a3);
        P5 = InverseShiftRows(a7 ^ a2 ^ a4);
        P6 = InverseShiftRows(a0 ^ a3 ^ a5);
        P7 = InverseShiftRows(a1 ^ a4 ^ a6);
        Invert();
    }

    /// <summary>MixColumns: FIPS 197, 5.1.3. Row r becomes 2 a[r] ^ 3 a[r + 1] ^ a[r + 2] ^ a[r + 3].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void MixColumns()
    {
        // With s = a[r] ^ a[r + 1]: the result is 2 s ^ a[r + 1] ^ (s two rows on).
        Vector256<ulong> s0 = P0 ^ NextRow(P0), s1 = P1 ^ NextRow(P1), s2 = P2 ^ NextRow(P2), s3 = P3 ^ NextRow(P3);
        Vector256<ulong> s4 = P4 ^ NextRow(P4), s5 = P5 ^ NextRow(P5), s6 = P6 ^ NextRow(P6), s7 = P7 ^ NextRow(P7);
        P0 = s7 ^ NextRow(P0) ^ NextRow(NextRow(s0));
        P1 = s0 ^ s7 ^ NextRow(P1) ^ NextRow(NextRow(s1));
        P2 = s1 ^ NextRow(P2) ^ NextRow(NextRow(s2));
        P3 = s2 ^ s7 ^ NextRow(P3) ^ NextRow(NextRow(s3));
        P4 = s3 ^ s7 ^ NextRow(P4) ^ NextRow(NextRow(s4));
        P5 = s4 ^ NextRow(P5) ^ NextRow(NextRow(s5));
        P6 = s5 ^ NextRow(P6) ^ NextRow(NextRow(s6));
        P7 = s6 ^ NextRow(P7) ^ NextRow(NextRow(s7));
    }

    /// <summary>InvMixColumns: FIPS 197, 5.3.3, as MixColumns after a[r] ^= 4 (a[r] ^ a[r + 2]).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void InverseMixColumns()
    {
        Vector256<ulong> s0 = P0 ^ NextRow(NextRow(P0)), s1 = P1 ^ NextRow(NextRow(P1));
        Vector256<ulong> s2 = P2 ^ NextRow(NextRow(P2)), s3 = P3 ^ NextRow(NextRow(P3));
        Vector256<ulong> s4 = P4 ^ NextRow(NextRow(P4)), s5 = P5 ^ NextRow(NextRow(P5));
        Vector256<ulong> s6 = P6 ^ NextRow(NextRow(P6)), s7 = P7 ^ NextRow(NextRow(P7));

        // 4 s: shifted by two planes; x^8 = x^4 + x^3 + x + 1 brings s6 and s7 back.
        P0 ^= s6;
        P1 ^= s6 ^ s7;
        P2 ^= s0 ^ s7;
        P3 ^= s1 ^ s6;
        P4 ^= s2 ^ s6 ^ s7;
        P5 ^= s3 ^ s7;
        P6 ^= s4;
        P7 ^= s5;
        MixColumns();
    }

    /// <summary>AddRoundKey.</summary>
    /// <param name="key">Eight 64-bit planes, the key's bits repeated for the four blocks of a lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal unsafe void AddRoundKey(ulong* key)
    {
        unchecked
        {
            // SAFETY: the caller passes eight planes.
            P0 ^= Vector256.Create(key[0]);
            P1 ^= Vector256.Create(key[1]);
            P2 ^= Vector256.Create(key[2]);
            P3 ^= Vector256.Create(key[3]);
            P4 ^= Vector256.Create(key[4]);
            P5 ^= Vector256.Create(key[5]);
            P6 ^= Vector256.Create(key[6]);
            P7 ^= Vector256.Create(key[7]);
        }
    }

    /// <summary>
    /// Turns eight rows of bits into eight planes, or back: bit i of byte m of plane j and bit j of byte m of row i
    /// change places.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Transpose()
    {
        Exchange(ref P0, ref P1, 1, 0x5555555555555555);
        Exchange(ref P2, ref P3, 1, 0x5555555555555555);
        Exchange(ref P4, ref P5, 1, 0x5555555555555555);
        Exchange(ref P6, ref P7, 1, 0x5555555555555555);
        Exchange(ref P0, ref P2, 2, 0x3333333333333333);
        Exchange(ref P1, ref P3, 2, 0x3333333333333333);
        Exchange(ref P4, ref P6, 2, 0x3333333333333333);
        Exchange(ref P5, ref P7, 2, 0x3333333333333333);
        Exchange(ref P0, ref P4, 4, 0x0f0f0f0f0f0f0f0f);
        Exchange(ref P1, ref P5, 4, 0x0f0f0f0f0f0f0f0f);
        Exchange(ref P2, ref P6, 4, 0x0f0f0f0f0f0f0f0f);
        Exchange(ref P3, ref P7, 4, 0x0f0f0f0f0f0f0f0f);
    }

    // a^254, which is the inverse and keeps 0: 2 + 252, 252 = 240 + 12, 240 = 15 * 16, 15 = 12 + 3, 12 = 3 * 4.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Invert()
    {
        BitslicedState a2 = Square();
        BitslicedState a3 = Multiply(in a2, in this);
        BitslicedState a12 = a3.Square().Square();
        BitslicedState a15 = Multiply(in a12, in a3);
        BitslicedState a240 = a15.Square().Square().Square().Square();
        BitslicedState a252 = Multiply(in a240, in a12);
        this = Multiply(in a252, in a2);
    }

    // Squaring spreads the bits to even places: x^8 = x^4 + x^3 + x + 1, x^10, x^12 and x^14 follow from it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly BitslicedState Square() => new()
    {
        P0 = P0 ^ P4 ^ P6,
        P1 = P4 ^ P6 ^ P7,
        P2 = P1 ^ P5,
        P3 = P4 ^ P5 ^ P6 ^ P7,
        P4 = P2 ^ P4 ^ P7,
        P5 = P5 ^ P6,
        P6 = P3 ^ P5,
        P7 = P6 ^ P7,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static BitslicedState Multiply(in BitslicedState a, in BitslicedState b)
    {
        // Horner's rule over the bits of b, high to low: r = r * x + a * b[i].
        BitslicedState r = default;
        Step(ref r, in a, b.P7);
        Step(ref r, in a, b.P6);
        Step(ref r, in a, b.P5);
        Step(ref r, in a, b.P4);
        Step(ref r, in a, b.P3);
        Step(ref r, in a, b.P2);
        Step(ref r, in a, b.P1);
        Step(ref r, in a, b.P0);
        return r;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref BitslicedState r, in BitslicedState a, Vector256<ulong> bit)
    {
        Vector256<ulong> top = r.P7;
        r.P7 = r.P6 ^ (a.P7 & bit);
        r.P6 = r.P5 ^ (a.P6 & bit);
        r.P5 = r.P4 ^ (a.P5 & bit);
        r.P4 = r.P3 ^ top ^ (a.P4 & bit);
        r.P3 = r.P2 ^ top ^ (a.P3 & bit);
        r.P2 = r.P1 ^ (a.P2 & bit);
        r.P1 = r.P0 ^ top ^ (a.P1 & bit);
        r.P0 = top ^ (a.P0 & bit);
    }

    // The bit of row r moves from row r + 1: a lane rotates right by 16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> NextRow(Vector256<ulong> x) => (x >>> 16) | (x << 48);

    // Row r takes column c from column c + r: its 16 bits rotate right by 4 r.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> ShiftRows(Vector256<ulong> x) =>
        (x & Vector256.Create(0x000000000000fffful))
        | ((x >>> 4) & Vector256.Create(0x000000000fff0000ul)) | ((x << 12) & Vector256.Create(0x00000000f0000000ul))
        | ((x >>> 8) & Vector256.Create(0x000000ff00000000ul)) | ((x << 8) & Vector256.Create(0x0000ff0000000000ul))
        | ((x >>> 12) & Vector256.Create(0x000f000000000000ul)) | ((x << 4) & Vector256.Create(0xfff0000000000000ul));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> InverseShiftRows(Vector256<ulong> x) =>
        (x & Vector256.Create(0x000000000000fffful))
        | ((x << 4) & Vector256.Create(0x00000000fff00000ul)) | ((x >>> 12) & Vector256.Create(0x00000000000f0000ul))
        | ((x << 8) & Vector256.Create(0x0000ff0000000000ul)) | ((x >>> 8) & Vector256.Create(0x000000ff00000000ul))
        | ((x << 12) & Vector256.Create(0xf000000000000000ul)) | ((x >>> 4) & Vector256.Create(0x0fff000000000000ul));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exchange(ref Vector256<ulong> a, ref Vector256<ulong> b, int shift, ulong mask)
    {
        Vector256<ulong> low = Vector256.Create(mask);
        Vector256<ulong> oldA = a;
        a = (a & low) | ((b & low) << shift);
        b = ((oldA >>> shift) & low) | (b & ~low);
    }
}
