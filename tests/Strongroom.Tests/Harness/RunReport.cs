using System.IO;
using System.Text.Json;
using Xunit;

namespace Strongroom.Tests.Harness;

/// <summary>The JSON report of a run, as far as the tests read it.</summary>
internal sealed class RunReport
{
    private readonly JsonElement _root;

    private RunReport(JsonElement root)
    {
        _root = root;
    }

    /// <summary>Pages that were turned into ciphertext.</summary>
    public long SealedPages => Number("sealedPages");

    /// <summary>Pages that were opened again.</summary>
    public long OpenedPages => Number("openedPages");

    /// <summary>Page faults that the pager served.</summary>
    public long Faults => Number("faults");

    /// <summary>The whole report, for messages.</summary>
    public override string ToString() => _root.GetRawText();

    /// <summary>Reads a report; a missing one fails the test with what the run said.</summary>
    public static RunReport Read(string path, Outcome outcome)
    {
        // The file is there from the start, and empty when the pager was killed.
        Assert.True(File.Exists(path) && new FileInfo(path).Length > 0, $"No report was written.\n{outcome}");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        return new RunReport(document.RootElement.Clone());
    }

    /// <summary>A field that is a number.</summary>
    public long Number(string name)
    {
        Assert.True(_root.TryGetProperty(name, out JsonElement value), $"The report has no field {name}: {this}");
        return value.GetInt64();
    }

    /// <summary>A field of any kind.</summary>
    public JsonElement Field(string name)
    {
        Assert.True(_root.TryGetProperty(name, out JsonElement value), $"The report has no field {name}: {this}");
        return value;
    }
}
