using System;

namespace Strongroom.Machine.Hardware;

/// <summary>What lies behind the last-level caches: it turns lines into ciphertext and back.</summary>
internal interface IMemoryBus
{
    /// <summary>Reads a line from memory and decrypts it with the key of its KeyID.</summary>
    /// <param name="line">Bus address divided by 64, KeyID included.</param>
    /// <param name="plaintext">Receives 64 bytes.</param>
    /// <exception cref="CpuFaultException">No memory answers there.</exception>
    public void ReadLine(ulong line, Span<byte> plaintext);

    /// <summary>Encrypts a line with the key of its KeyID and writes it to memory.</summary>
    /// <param name="line">Bus address divided by 64, KeyID included.</param>
    /// <param name="plaintext">64 bytes.</param>
    /// <exception cref="CpuFaultException">No memory answers there.</exception>
    public void WriteLine(ulong line, ReadOnlySpan<byte> plaintext);
}
