using System;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Strongroom.Cli;

/// <summary>Sizes and durations as people write them.</summary>
internal static class Quantity
{
    /// <summary>Parses a size: a whole number of bytes, or one with K, M, G or T for powers of 1024; "iB" or "B" may follow.</summary>
    /// <param name="text">For example <c>256M</c>, <c>8MiB</c>, <c>1G</c>, <c>4194304</c>.</param>
    /// <param name="bytes">The size in bytes.</param>
    /// <returns>False when it is not a size, or not one below 2^63.</returns>
    internal static bool TryParseSize(string text, out long bytes)
    {
        int digits = CountDigits(text);
        int shift = text[digits..].ToUpperInvariant() switch
        {
            "" or "B" => 0,
            "K" or "KB" or "KIB" => 10,
            "M" or "MB" or "MIB" => 20,
            "G" or "GB" or "GIB" => 30,
            "T" or "TB" or "TIB" => 40,
            _ => -1,
        };
        bytes = 0;
        if (shift < 0 || !long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            || number > long.MaxValue >> shift)
        {
            return false;
        }

        bytes = number << shift;
        return true;
    }

    /// <summary>Parses a duration: a number with ms, s, m or h; without a unit it means seconds.</summary>
    /// <param name="text">For example <c>100ms</c>, <c>1s</c>, <c>0.5s</c>, <c>2m</c>.</param>
    /// <param name="duration">The duration.</param>
    /// <returns>False when it is not a duration, or not one below 1000 hours.</returns>
    internal static bool TryParseDuration(string text, out TimeSpan duration)
    {
        int unit = text.Length;
        while (unit > 0 && char.IsAsciiLetter(text[unit - 1]))
        {
            unit--;
        }

        double seconds = text[unit..] switch
        {
            "ms" => 0.001,
            "s" or "" => 1,
            "m" => 60,
            "h" => 3600,
            _ => 0,
        };
        duration = default;
        if (seconds == 0
            || !double.TryParse(
                text.AsSpan(0, unit), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            || !(number * seconds < 3_600_000))
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(number * seconds);
        return true;
    }

    /// <summary>Parses an option's size, or says what is wrong with it.</summary>
    internal static long ParseSize(ArgumentResult result, long minimumBytes)
    {
        string text = result.Tokens[0].Value;
        if (!TryParseSize(text, out long bytes))
        {
            result.AddError($"'{text}' is not a size; write a number of bytes or one with K, M, G or T, as in 256M.");
        }
        else if (bytes < minimumBytes)
        {
            result.AddError($"a size of {text} is too small; the least is {FormatSize(minimumBytes)}.");
        }

        return bytes;
    }

    /// <summary>Parses an option's duration, or says what is wrong with it.</summary>
    internal static TimeSpan ParseDuration(ArgumentResult result, TimeSpan minimum)
    {
        string text = result.Tokens[0].Value;
        if (!TryParseDuration(text, out TimeSpan duration))
        {
            result.AddError($"'{text}' is not a duration; write a number with ms, s, m or h, as in 100ms.");
        }
        else if (duration < minimum)
        {
            result.AddError($"a duration of {text} is too short; the least is {minimum.TotalMilliseconds} ms.");
        }

        return duration;
    }

    /// <summary>Writes a size for people: at most four digits and a binary unit.</summary>
    internal static string FormatSize(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        while (bytes >= 1024 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        string format = unit == 0 || bytes >= 100 ? "0" : "0.#";
        return bytes.ToString(format, CultureInfo.InvariantCulture) + " " + units[unit];
    }

    private static int CountDigits(string text)
    {
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        return digits;
    }
}
