using System;
using System.IO;
using System.Text.Json;
using System.Text.Json.Serialization;
using Strongroom.Core;

namespace Strongroom.Pager;

/// <summary>Writes reports as JSON.</summary>
public static class RunReportWriter
{
    /// <summary>Writes a report, indented, with a final newline.</summary>
    /// <param name="report">The report.</param>
    /// <param name="stream">Where to; stays open.</param>
    /// <exception cref="IOException">The stream refused.</exception>
    public static void Write(RunReport report, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(stream);
        JsonSerializer.Serialize(stream, report, RunReportContext.Default.RunReport);
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Reads a report that <see cref="Write"/> wrote.</summary>
    /// <exception cref="JsonException">It is not a report.</exception>
    public static RunReport Read(Stream stream) =>
        JsonSerializer.Deserialize(stream, RunReportContext.Default.RunReport)
            ?? throw new JsonException("A report is an object, not null.");

    /// <summary>Gets the name of an algorithm as options and reports write it.</summary>
    public static string NameOf(MemoryAlgorithm algorithm) => algorithm switch
    {
        MemoryAlgorithm.AesXts128 => "aes-xts-128",
        MemoryAlgorithm.AesXts256 => "aes-xts-256",
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Not an algorithm of a memory key."),
    };

    /// <summary>Gets the name of a key scope as options and reports write it.</summary>
    public static string NameOf(KeyScope scope) => scope == KeyScope.Tree ? "tree" : "process";
}

/// <summary>The generated serializer of reports, so that nothing is found by reflection at run time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RunReport))]
internal sealed partial class RunReportContext : JsonSerializerContext;
