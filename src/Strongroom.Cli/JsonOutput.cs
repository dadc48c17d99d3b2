using System;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Strongroom.Cli.Commands;

namespace Strongroom.Cli;

/// <summary>Prints JSON to standard output.</summary>
internal static class Json
{
    /// <summary>Prints one value and a newline.</summary>
    internal static void Print<T>(T value, JsonTypeInfo<T> type) => Console.Out.WriteLine(JsonSerializer.Serialize(value, type));
}

/// <summary>The generated serializers of what the commands print.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CheckOutput))]
[JsonSerializable(typeof(ScanOutput))]
internal sealed partial class JsonOutput : JsonSerializerContext;
