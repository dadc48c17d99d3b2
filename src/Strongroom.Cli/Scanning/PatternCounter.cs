using System;
using Strongroom.Kernel;

namespace Strongroom.Cli.Scanning;

/// <summary>Counts a pattern in bytes that arrive in pieces, also where it lies across two pieces.</summary>
/// <remarks>
/// Copies that overlap count once. The pattern and the bytes lie in native memory, because the collector moves and copies
/// what is on its heap.
/// <code>
/// buffer: | tail of the piece before | new piece ...                    |
///           at most pattern - 1 bytes, after the last copy found
/// </code>
/// </remarks>
internal sealed class PatternCounter : IDisposable
{
    /// <summary>The most bytes in one piece.</summary>
    internal const int PieceBytes = 1 << 20;

    /// <summary>The longest pattern.</summary>
    internal const int MaximumPatternBytes = 1 << 20;

    private readonly NativeBuffer _pattern;
    private readonly NativeBuffer _buffer;
    private int _tailBytes;

    /// <summary>Makes a counter.</summary>
    /// <param name="patternBytes">The length of what to look for, 1 to <see cref="MaximumPatternBytes"/>.</param>
    internal PatternCounter(int patternBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(patternBytes, MaximumPatternBytes);
        _pattern = new NativeBuffer(patternBytes);
        _buffer = new NativeBuffer(patternBytes + PieceBytes);
    }

    /// <summary>Gets what to look for: zeros until the caller has filled it.</summary>
    internal Span<byte> Pattern => _pattern.Bytes;

    /// <summary>Gets where the next piece goes: at most <see cref="PieceBytes"/>.</summary>
    internal Span<byte> Room => _buffer.Bytes.Slice(_tailBytes, PieceBytes);

    /// <summary>Gets the counter's own memory, which holds the pattern: a scan of this process must leave it out.</summary>
    internal ReadOnlySpan<Core.AddressRange> OwnMemory => new[] { _pattern.Range, _buffer.Range };

    /// <summary>Forgets what came before: the next piece does not follow on it.</summary>
    internal void Break() => _tailBytes = 0;

    /// <summary>Counts the copies that end in the piece that was put into <see cref="Room"/>.</summary>
    /// <param name="pieceBytes">Its length.</param>
    /// <param name="firstOffset">
    /// Where the first of them starts, from the start of the piece; negative when it starts before it. Meaningless for none.
    /// </param>
    /// <returns>How many.</returns>
    internal int Count(int pieceBytes, out int firstOffset)
    {
        ReadOnlySpan<byte> pattern = _pattern.Bytes;
        Span<byte> bytes = _buffer.Bytes[..(_tailBytes + pieceBytes)];
        firstOffset = 0;
        int count = 0;
        int at = 0;
        while (true)
        {
            int found = bytes[at..].IndexOf(pattern);
            if (found < 0)
            {
                break;
            }

            firstOffset = count == 0 ? at + found - _tailBytes : firstOffset;
            count++;
            at += found + pattern.Length;
        }

        int keep = Math.Min(pattern.Length - 1, bytes.Length - at);
        bytes[(bytes.Length - keep)..].CopyTo(_buffer.Bytes);
        _tailBytes = keep;
        return count;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffer.Dispose();
        _pattern.Dispose();
    }
}
