using System.Text;
using Strongroom.Kernel;

namespace Strongroom.Cli;

/// <summary>Sentences for people, on standard error.</summary>
internal static class StandardError
{
    /// <summary>Writes a line at once, so that lines of several processes do not mix.</summary>
    internal static void WriteLine(string line) => Write(line + "\n");

    /// <summary>Writes text at once. A closed or full standard error is ignored: there is nobody left to tell.</summary>
    internal static void Write(string text) => _ = StandardStream.WriteError(Encoding.UTF8.GetBytes(text));
}
