using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using Strongroom.Cli.Scanning;

namespace Strongroom.Cli.Demo;

/// <summary>A password file with a marker that stands nowhere else on the machine.</summary>
/// <remarks>The marker is no secret: it is made for one demonstration and printed nowhere.</remarks>
internal sealed class DemoVault : IDisposable
{
    /// <summary>The number of lines in the file, each with the marker.</summary>
    internal const int EntryCount = 1000;

    private readonly string _directory = Directory.CreateTempSubdirectory("strongroom-demo-").FullName;
    private readonly string _marker = "MARKER-" + Convert.ToHexString(RandomNumberGenerator.GetBytes(12));

    /// <summary>Makes the file.</summary>
    internal DemoVault()
    {
        StringBuilder text = new();
        for (int entry = 1; entry <= EntryCount; entry++)
        {
            _ = text.Append(EntryText(entry)).Append('\n');
        }

        File.WriteAllText(FilePath, text.ToString());
    }

    /// <summary>Gets the path of the file.</summary>
    internal string FilePath => Path.Combine(_directory, "passwords");

    /// <summary>Gets where a core dump may be put.</summary>
    internal string CorePath => Path.Combine(_directory, "core");

    /// <summary>Gets a line of the file.</summary>
    internal string EntryText(int entry) => $"entry {entry}: {_marker}";

    /// <summary>Makes a counter of the marker.</summary>
    internal PatternCounter CreateCounter()
    {
        PatternCounter counter = new(_marker.Length);
        _ = Encoding.ASCII.GetBytes(_marker, counter.Pattern);
        return counter;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
