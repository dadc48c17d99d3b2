using System;
using System.Globalization;

namespace Strongroom.Machine.Mm;

/// <summary>Reads sizes from the kernel's command line.</summary>
internal static class BootParameters
{
    private const string Suffixes = "KMGTPE";

    /// <summary>Finds the last "NAME=SIZE" and reads the size.</summary>
    /// <param name="commandLine">Words, separated by spaces.</param>
    /// <param name="name">The parameter.</param>
    /// <returns>Bytes; 0 when the parameter is not there, is no size, or is beyond 63 bits.</returns>
    internal static long SizeOf(string commandLine, string name)
    {
        long size = 0;
        foreach (string word in commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith(name + "=", StringComparison.Ordinal))
            {
                size = ParseSize(word.AsSpan(name.Length + 1));
            }
        }

        return size;
    }

    /// <summary>A number, decimal, 0x hexadecimal or 0 octal, and a suffix K to E, in either case: memparse().</summary>
    /// <remarks>What follows is ignored, as the kernel does. Source: Linux lib/cmdline.c.</remarks>
    private static long ParseSize(ReadOnlySpan<char> text)
    {
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        int radix = isHex ? 16 : text.StartsWith("0", StringComparison.Ordinal) ? 8 : 10;
        text = isHex ? text[2..] : text;
        UInt128 value = 0;
        int at = 0;
        for (; at < text.Length && TryReadDigit(text[at], radix, out int digit) && value <= long.MaxValue; at++)
        {
            value = (value * (uint)radix) + (uint)digit;
        }

        int suffix = at < text.Length ? Suffixes.IndexOf(char.ToUpperInvariant(text[at]), StringComparison.Ordinal) : -1;
        value <<= 10 * (suffix + 1);
        return value <= long.MaxValue ? (long)value : 0;
    }

    private static bool TryReadDigit(char character, int radix, out int digit) =>
        int.TryParse([character], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out digit) && digit < radix;
}
