using System;
using System.Collections.Generic;

namespace Strongroom.Pager;

/// <summary>Plaintext and private memory integrated over time. Guarded by: only the pager thread writes; read after it ended.</summary>
internal sealed class ClearAccount
{
    private readonly Dictionary<string, double> _uncovered = [];
    private double _seconds;
    private double _clearByteSeconds;
    private double _privateByteSeconds;
    private long _ticks;

    /// <summary>Gets the most plaintext at one look, in bytes.</summary>
    internal long PeakClearBytes { get; private set; }

    /// <summary>Gets the most private memory, clear and sealed, at one look, in bytes.</summary>
    internal long PeakPrivateBytes { get; private set; }

    /// <summary>Gets the time in which pages were sealed because the window was full.</summary>
    internal TimeSpan WindowFull { get; private set; }

    /// <summary>Gets the most that was sealed at one look, in bytes.</summary>
    internal long PeakSealedBytes { get; private set; }

    /// <summary>Gets the most that the books took at one look, in bytes.</summary>
    internal long PeakMetadataBytes { get; private set; }

    /// <summary>Gets the mean plaintext in bytes.</summary>
    internal long MeanClearBytes => Mean(_clearByteSeconds);

    /// <summary>Gets the mean private memory, clear and sealed, in bytes.</summary>
    internal long MeanPrivateBytes => Mean(_privateByteSeconds);

    /// <summary>Gets clear page-seconds over all page-seconds.</summary>
    internal double TimeInClear => _privateByteSeconds > 0 ? _clearByteSeconds / _privateByteSeconds : 0;

    /// <summary>Notes how it was for some time.</summary>
    internal void Add(long clearBytes, long sealedBytes, long metadataBytes, bool isWindowFull, TimeSpan time)
    {
        WindowFull += isWindowFull ? time : TimeSpan.Zero;
        PeakPrivateBytes = Math.Max(PeakPrivateBytes, clearBytes + sealedBytes);
        PeakSealedBytes = Math.Max(PeakSealedBytes, sealedBytes);
        PeakMetadataBytes = Math.Max(PeakMetadataBytes, metadataBytes);
        PeakClearBytes = Math.Max(PeakClearBytes, clearBytes);
        _seconds += time.TotalSeconds;
        _clearByteSeconds += clearBytes * time.TotalSeconds;
        _privateByteSeconds += (clearBytes + sealedBytes) * time.TotalSeconds;
    }

    /// <summary>Adds bytes left alone at this tick.</summary>
    internal void AddUncovered(string reason, long bytes) =>
        _uncovered[reason] = _uncovered.GetValueOrDefault(reason) + bytes;

    /// <summary>Ends the tick that the last uncovered bytes belong to.</summary>
    internal void EndTick() => _ticks++;

    /// <summary>Gets the mean bytes left alone, by reason.</summary>
    internal IReadOnlyDictionary<string, long> MeanUncovered()
    {
        SortedDictionary<string, long> means = new(StringComparer.Ordinal);
        foreach ((string reason, double sum) in _uncovered)
        {
            means[reason] = (long)(sum / Math.Max(1, _ticks));
        }

        return means;
    }

    private long Mean(double byteSeconds) => _seconds > 0 ? (long)(byteSeconds / _seconds) : 0;
}
