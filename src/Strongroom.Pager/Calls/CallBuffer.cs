using System;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Secrets;

namespace Strongroom.Pager.Calls;

/// <summary>Secret memory for one call that brings key material: the payload as the program wrote it, and what was read from it.</summary>
internal sealed class CallBuffer : IDisposable
{
    // One byte more than a payload may have, so that one that is too long is seen to be.
    private const int PayloadBytes = KeyPayload.MaxLengthBytes + 1;

    private readonly SecretBuffer _memory = SecretBuffer.Allocate(PageNumber.SizeBytes);
    private int _payloadBytes;

    /// <summary>Gets the payload that was read.</summary>
    internal ReadOnlySpan<byte> Payload => _memory.Span[..Math.Min(_payloadBytes, PayloadBytes)];

    /// <summary>Gets room for what is read from it.</summary>
    internal Span<byte> Fields => _memory.Span.Slice(PageNumber.SizeBytes / 2, KeyFields.LengthBytes);

    /// <summary>Reads a payload from a program.</summary>
    /// <returns>False when it cannot be read.</returns>
    internal bool TryReadPayload(int threadId, ulong address, ulong lengthBytes)
    {
        _payloadBytes = (int)Math.Min(lengthBytes, PayloadBytes);
        return _payloadBytes == 0
            || RemoteMemory.Read(threadId, address, _memory.Span[.._payloadBytes]) == _payloadBytes;
    }

    /// <summary>Reads a payload that ends with a NUL.</summary>
    /// <returns>False when it cannot be read or has no end within 4096 bytes.</returns>
    internal bool TryReadText(int threadId, ulong address)
    {
        // As much as fits is looked at for the end; a longer one is too long in any case.
        int read = ReadUpTo(threadId, address, _memory.Span[..PayloadBytes]);
        int end = read > 0 ? _memory.Span[..read].IndexOf((byte)0) : -1;
        _payloadBytes = end >= 0 ? end : PayloadBytes;
        return end >= 0 || read == PayloadBytes;
    }

    /// <summary>Reads a string of a program: bytes as characters (Latin-1).</summary>
    /// <param name="threadId">The program's thread.</param>
    /// <param name="address">Where it begins.</param>
    /// <param name="mostBytes">The most bytes with the NUL, up to 4096.</param>
    /// <param name="text">The string.</param>
    /// <returns>Success; EFAULT; EINVAL (too long).</returns>
    internal static Errno ReadString(int threadId, ulong address, int mostBytes, out string text)
    {
        Span<byte> bytes = stackalloc byte[mostBytes];
        int read = ReadUpTo(threadId, address, bytes);
        int end = read > 0 ? bytes[..read].IndexOf((byte)0) : -1;
        text = end < 0 ? "" : Encoding.Latin1.GetString(bytes[..end]);
        return end >= 0 ? Errno.None : read == mostBytes ? Errno.EINVAL : Errno.EFAULT;
    }

    /// <summary>Overwrites everything.</summary>
    internal void Wipe()
    {
        _payloadBytes = 0;
        CryptographicOperations.ZeroMemory(_memory.Span);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    // Page by page, for the next page may not be there.
    private static int ReadUpTo(int threadId, ulong address, Span<byte> bytes)
    {
        int read = 0;
        while (read < bytes.Length)
        {
            ulong at = unchecked(address + (ulong)read);
            int room = (int)(PageNumber.SizeBytes - (at % PageNumber.SizeBytes));
            Span<byte> piece = bytes.Slice(read, Math.Min(room, bytes.Length - read));
            int n = RemoteMemory.Read(threadId, at, piece);
            if (n <= 0)
            {
                break;
            }

            read += n;
            if (piece[..n].Contains((byte)0))
            {
                break;
            }
        }

        return read;
    }
}
