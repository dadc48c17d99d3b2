using System;
using System.Security.Cryptography;
using Strongroom.Core;
using Strongroom.Secrets;

namespace Strongroom.Pager;

/// <summary>The buffer, in secret memory, that all plaintext passes through. 256 KiB.</summary>
/// <remarks>
/// It is wiped before the pager thread waits for what comes next, not after each use: in a run of faults the next page overwrites the one
/// before. So it may hold pages while the agent is awaited. What a killed pager leaves in it the kernel wipes (mm/secretmem.c), but not where
/// locked memory stands in for secret memory. Guarded by: only the pager thread touches it.
/// </remarks>
internal sealed class BounceBuffer : IDisposable
{
    /// <summary>The most pages that pass through at once.</summary>
    internal const int Pages = 64;

    private readonly SecretBuffer _buffer = SecretBuffer.Allocate(Pages * PageNumber.SizeBytes);
    private int _usedBytes; // since it was wiped, from its beginning

    /// <summary>Gets the protection that is in force.</summary>
    internal SecretProtection Protection => _buffer.Protection;

    /// <summary>Gets room for pages. Every call gets the same, so that only one may be in use.</summary>
    /// <param name="pageCount">1 to <see cref="Pages"/>.</param>
    internal Span<byte> Take(int pageCount)
    {
        int bytes = pageCount << PageNumber.Shift;
        _usedBytes = Math.Max(_usedBytes, bytes);
        return _buffer.Span[..bytes];
    }

    /// <summary>Overwrites what was used.</summary>
    internal void Wipe()
    {
        if (_usedBytes > 0)
        {
            CryptographicOperations.ZeroMemory(_buffer.Span[.._usedBytes]);
            _usedBytes = 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
