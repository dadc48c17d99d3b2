using System;
using System.Security.Cryptography;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Secrets;

namespace Strongroom.Machine.Hardware;

/// <summary>A memory controller's key on the project's AES-XTS engine; its round keys lie in secret memory.</summary>
internal sealed class XtsLineCipher : ILineCipher
{
    private readonly XtsKey _key;

    private XtsLineCipher(XtsKey key)
    {
        _key = key;
    }

    /// <summary>Gets the maker of such keys.</summary>
    internal static ILineCipherFactory Factory { get; } = new XtsFactory();

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    /// <inheritdoc/>
    public void Encrypt(ulong lineNumber, ReadOnlySpan<byte> plaintext, Span<byte> ciphertext) =>
        _key.Encrypt(plaintext, ciphertext, lineNumber);

    /// <inheritdoc/>
    public void Decrypt(ulong lineNumber, ReadOnlySpan<byte> ciphertext, Span<byte> plaintext) =>
        _key.Decrypt(ciphertext, plaintext, lineNumber);

    private sealed class XtsFactory : ILineCipherFactory
    {
        public ILineCipher Generate(MemoryAlgorithm algorithm, ReadOnlySpan<byte> dataEntropy, ReadOnlySpan<byte> tweakEntropy)
        {
            if (!dataEntropy.ContainsAnyExcept((byte)0) && !tweakEntropy.ContainsAnyExcept((byte)0))
            {
                return new XtsLineCipher(XtsKey.Generate(algorithm));
            }

            using SecretBuffer raw = SecretBuffer.Allocate(XtsKey.MaterialBytes(algorithm));
            Span<byte> bytes = raw.Span;
            RandomNumberGenerator.Fill(bytes);
            Mix(bytes, dataEntropy);
            Mix(bytes[dataEntropy.Length..], tweakEntropy);
            return new XtsLineCipher(XtsKey.Import(algorithm, raw));
        }

        public ILineCipher Import(MemoryAlgorithm algorithm, ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> tweakKey)
        {
            if (CryptographicOperations.FixedTimeEquals(dataKey, tweakKey))
            {
                // The engine insists on what SP 800-38E asks for by way of FIPS 140; real controllers take such keys.
                throw new CpuFaultException(CpuFault.GeneralProtection, "PCONFIG: data key and tweak key are equal");
            }

            using SecretBuffer raw = SecretBuffer.Allocate(XtsKey.MaterialBytes(algorithm));
            dataKey.CopyTo(raw.Span);
            tweakKey.CopyTo(raw.Span[dataKey.Length..]);
            return new XtsLineCipher(XtsKey.Import(algorithm, raw));
        }

        private static void Mix(Span<byte> key, ReadOnlySpan<byte> entropy)
        {
            for (int i = 0; i < entropy.Length; i++)
            {
                key[i] ^= entropy[i];
            }
        }
    }
}
