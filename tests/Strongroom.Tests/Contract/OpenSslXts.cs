using System;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Tests.Contract;

/// <summary>AES-XTS of OpenSSL 3 through EVP: an independent implementation to compare with.</summary>
internal sealed unsafe partial class OpenSslXts : IDisposable
{
    private readonly void* _encryption;
    private readonly void* _decryption;

    internal OpenSslXts(MemoryAlgorithm algorithm, ReadOnlySpan<byte> key)
    {
        void* cipher = algorithm == MemoryAlgorithm.AesXts128 ? EVP_aes_128_xts() : EVP_aes_256_xts();
        _encryption = EVP_CIPHER_CTX_new();
        _decryption = EVP_CIPHER_CTX_new();
        fixed (byte* k = key)
        {
            Check(EVP_CipherInit_ex(_encryption, cipher, null, k, null, 1));
            Check(EVP_CipherInit_ex(_decryption, cipher, null, k, null, 0));
        }
    }

    public void Dispose()
    {
        EVP_CIPHER_CTX_free(_encryption);
        EVP_CIPHER_CTX_free(_decryption);
    }

    internal void Process(bool encrypt, ReadOnlySpan<byte> source, Span<byte> destination, UInt128 number)
    {
        int written = 0;
        fixed (byte* from = source, to = destination)
        {
            void* context = encrypt ? _encryption : _decryption;
            Check(EVP_CipherInit_ex(context, null, null, null, &number, -1)); // little-endian, as this machine is
            Check(EVP_CipherUpdate(context, to, &written, from, source.Length));
        }

        Check(written == source.Length ? 1 : 0);
    }

    private static void Check(int result)
    {
        if (result != 1)
        {
            throw new InvalidOperationException("OpenSSL refused an XTS operation.");
        }
    }

    [LibraryImport("libcrypto.so.3")]
    private static partial void* EVP_CIPHER_CTX_new();

    [LibraryImport("libcrypto.so.3")]
    private static partial void EVP_CIPHER_CTX_free(void* context);

    [LibraryImport("libcrypto.so.3")]
    private static partial void* EVP_aes_128_xts();

    [LibraryImport("libcrypto.so.3")]
    private static partial void* EVP_aes_256_xts();

    [LibraryImport("libcrypto.so.3")]
    private static partial int EVP_CipherInit_ex(
        void* context, void* cipher, void* engine, void* key, void* iv, int encrypt);

    [LibraryImport("libcrypto.so.3")]
    private static partial int EVP_CipherUpdate(
        void* context, byte* output, int* outputLength, byte* input, int inputLength);
}
