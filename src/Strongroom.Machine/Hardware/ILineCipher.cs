using System;
using Strongroom.Core;

namespace Strongroom.Machine.Hardware;

/// <summary>
/// One key of a memory controller: turns 64-byte lines into ciphertext that depends on where they lie.
/// </summary>
internal interface ILineCipher : IDisposable
{
    /// <summary>Encrypts a line.</summary>
    /// <param name="lineNumber">Physical address divided by 64, without KeyID: the tweak.</param>
    /// <param name="plaintext">64 bytes.</param>
    /// <param name="ciphertext">Receives 64 bytes.</param>
    public void Encrypt(ulong lineNumber, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext);

    /// <summary>Decrypts a line; the inverse of <see cref="Encrypt"/>.</summary>
    public void Decrypt(ulong lineNumber, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext);
}

/// <summary>Makes the keys of memory controllers.</summary>
internal interface ILineCipherFactory
{
    /// <summary>Makes a key that nobody knows.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="dataEntropy">Bytes that are mixed into the data key; all zero for none.</param>
    /// <param name="tweakEntropy">Bytes that are mixed into the tweak key; as long as the data key.</param>
    public ILineCipher Generate(MemoryAlgorithm algorithm, ReadOnlySpan<byte> dataEntropy, ReadOnlySpan<byte> tweakEntropy);

    /// <summary>Makes a key from given bytes.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="dataKey">16 or 32 bytes, in secret memory of the caller.</param>
    /// <param name="tweakKey">As long as the data key.</param>
    public ILineCipher Import(MemoryAlgorithm algorithm, ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> tweakKey);
}
