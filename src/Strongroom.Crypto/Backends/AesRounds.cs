using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Strongroom.Crypto.Backends;

/// <summary>The rounds of one direction of AES, as one processor family offers them.</summary>
/// <remarks>
/// A struct argument of this kind makes the compiler specialize the one kernel that serves all of them.
/// </remarks>
internal interface IAesRounds
{
    /// <summary>An inner round and its key, keys coming after: FIPS 197, 5.1, and 5.3.5 for decryption.</summary>
    public static abstract Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key);

    /// <summary>The last round and its key: no (Inv)MixColumns.</summary>
    public static abstract Vector128<byte> LastRound(Vector128<byte> block, Vector128<byte> key);
}

/// <summary>AES-NI encryption.</summary>
internal readonly struct X86Encryption : IAesRounds
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) => X86Aes.Encrypt(block, key);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> block, Vector128<byte> key) =>
        X86Aes.EncryptLast(block, key);
}

/// <summary>AES-NI decryption.</summary>
internal readonly struct X86Decryption : IAesRounds
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) => X86Aes.Decrypt(block, key);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> block, Vector128<byte> key) =>
        X86Aes.DecryptLast(block, key);
}

/// <summary>Armv8's AES instructions. An interface, so that tests can run what is built of them on other processors.</summary>
internal interface IArmAesInstructions
{
    /// <summary>AESE: adds the key, then shifts rows and substitutes.</summary>
    public static abstract Vector128<byte> Encrypt(Vector128<byte> block, Vector128<byte> key);

    /// <summary>AESD: adds the key, then inversely shifts rows and substitutes.</summary>
    public static abstract Vector128<byte> Decrypt(Vector128<byte> block, Vector128<byte> key);

    /// <summary>AESMC.</summary>
    public static abstract Vector128<byte> MixColumns(Vector128<byte> block);

    /// <summary>AESIMC.</summary>
    public static abstract Vector128<byte> InverseMixColumns(Vector128<byte> block);
}

/// <summary>The processor's own.</summary>
internal readonly struct ArmAesInstructions : IArmAesInstructions
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Encrypt(Vector128<byte> block, Vector128<byte> key) => ArmAes.Encrypt(block, key);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Decrypt(Vector128<byte> block, Vector128<byte> key) => ArmAes.Decrypt(block, key);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> MixColumns(Vector128<byte> block) => ArmAes.MixColumns(block);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> InverseMixColumns(Vector128<byte> block) => ArmAes.InverseMixColumns(block);
}

/// <summary>
/// Armv8 encryption. AESE adds its key before the substitution, so it gets zero and the round's key comes after.
/// </summary>
/// <typeparam name="TArm">The instructions.</typeparam>
internal readonly struct ArmEncryption<TArm> : IAesRounds
    where TArm : struct, IArmAesInstructions
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        TArm.MixColumns(TArm.Encrypt(block, Vector128<byte>.Zero)) ^ key;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> block, Vector128<byte> key) =>
        TArm.Encrypt(block, Vector128<byte>.Zero) ^ key;
}

/// <summary>Armv8 decryption; AESD with a zero key, as for encryption.</summary>
/// <typeparam name="TArm">The instructions.</typeparam>
internal readonly struct ArmDecryption<TArm> : IAesRounds
    where TArm : struct, IArmAesInstructions
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        TArm.InverseMixColumns(TArm.Decrypt(block, Vector128<byte>.Zero)) ^ key;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> block, Vector128<byte> key) =>
        TArm.Decrypt(block, Vector128<byte>.Zero) ^ key;
}
