using System;
using System.Security.Cryptography;
using Strongroom.Kernel;

namespace Strongroom.Secrets;

/// <summary>A buffer in secret memory, for key material and for plaintext that passes through.</summary>
/// <remarks>
/// Takes whole pages and two guard pages, so it is meant for few and larger secrets. Zeroizes: on
/// <see cref="Dispose"/>. Thread safety: the owner must not dispose it while another thread uses <see cref="Span"/>.
/// </remarks>
public sealed class SecretBuffer : IDisposable
{
    private readonly SecretRegion _region; // immutable

    private SecretBuffer(SecretRegion region, int lengthBytes)
    {
        _region = region;
        LengthBytes = lengthBytes;
    }

    /// <summary>Gets the length that was asked for, in bytes.</summary>
    public int LengthBytes { get; }

    /// <summary>Gets the protection that is in force; never silently weaker than what it says.</summary>
    public SecretProtection Protection => _region.Protection;

    /// <summary>Gets the bytes. The span must not be used after <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public unsafe Span<byte> Span
    {
        get
        {
            // SAFETY: Address throws once the region is unmapped, and the region holds at least LengthBytes bytes.
            return new Span<byte>((void*)Address, LengthBytes);
        }
    }

    /// <summary>Gets the address of the first byte; page-aligned, valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    internal nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_region.IsClosed, this);
            return _region.Address;
        }
    }

    /// <summary>
    /// Allocates a buffer, zero-filled, in memfd_secret(2) memory, or in locked memory where that is refused.
    /// </summary>
    /// <param name="lengthBytes">1 to 2^30 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is out of range.</exception>
    /// <exception cref="KernelException">The kernel refused locked memory too (RLIMIT_MEMLOCK); see the
    /// errno.</exception>
    public static SecretBuffer Allocate(int lengthBytes) => Allocate(lengthBytes, SecretProtection.MemfdSecret);

    /// <summary>Overwrites the whole buffer with zeros, in a way that the compiler may not remove.</summary>
    public void Zeroize() => CryptographicOperations.ZeroMemory(Span);

    /// <summary>Zeroizes the buffer and gives its memory back.</summary>
    public void Dispose() => _region.Dispose();

    /// <summary>Returns the type's name, never contents.</summary>
    public override string ToString() => nameof(SecretBuffer);

    /// <summary>Allocates a buffer with a bound on the protection, so that tests can reach the fallback.</summary>
    internal static SecretBuffer Allocate(int lengthBytes, SecretProtection strongest)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengthBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, 1 << 30);
        return new SecretBuffer(SecretRegion.Map((nuint)lengthBytes, strongest), lengthBytes);
    }
}
