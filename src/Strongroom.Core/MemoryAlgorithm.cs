namespace Strongroom.Core;

/// <summary>The algorithm of a memory key.</summary>
public enum MemoryAlgorithm
{
    /// <summary>AES-XTS with two 128-bit keys; 32 bytes of key material.</summary>
    AesXts128,

    /// <summary>AES-XTS with two 256-bit keys; 64 bytes of key material.</summary>
    AesXts256,
}
